"""Registries by SFTP: pushed to OpenSSH's internal-sftp, and fetched from it."""

import pytest
from harness import until
from system.configs import HEAD
from system.openssh import OpenSsh
from system.programs import hand_to_nobody, open_folder

ROWS = "100000000001;10\n100000000002;20\n"
ANSWERED = b"100000000001;10;accept;accepted;"
PUSHED = """
[channels.partner]
type = "registry"
window = "always"
directory = "FILES"
settle = 0.5
poll = 0.5
dialect = {{ columns = {{ account = 1, value = 2 }} }}
"""
FETCHED = (
    PUSHED.replace('"FILES"', '"partner"')
    + """
[channels.partner.sftp]
host = "127.0.0.1"
port = PORT
username = "USER"
key = {{ file = "KEY" }}
host_keys = ["HOST"]
directory = "FILES/reg"
results = "FILES/answers"
settle = 0.5
every = 1
after = "delete"
"""
)


@pytest.fixture
def files(stack):
    """A folder that server, daemon and test can write to."""
    folder = stack.enter_context(open_folder("sftp"))
    for name in ("in", "out", "reg", "answers"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
        hand_to_nobody(folder / name)
    return folder


@pytest.fixture
async def server(files, open_server):
    """OpenSSH, unless it is not there; then the test is left out."""
    OpenSsh.find_programs()
    return await open_server(OpenSsh, files)


async def test_a_file_that_is_pushed_is_answered(
    server, files, make_daemon, database_url, tmp_path
):
    """A partner puts it under another name, renames it, and gets its answer the same way."""
    daemon = make_daemon(database_url, config=HEAD + PUSHED.replace("FILES", str(files)))
    (tmp_path / "reestr.csv").write_text(ROWS)
    await daemon.start()
    await server.talk(
        f"put {tmp_path}/reestr.csv in/reestr.csv.part",
        "rename in/reestr.csv.part in/reestr.csv",
    )
    await until((files / "out" / "reestr.csv.summary.txt").exists)
    await server.talk(f"get out/reestr.csv.result.csv {tmp_path}/answer")
    assert (tmp_path / "answer").read_bytes().startswith(ANSWERED)
    assert 0 == await daemon.stop()


async def test_a_file_is_fetched_and_its_answer_brought_back(
    server, files, make_daemon, database_url
):
    """From the partner's own server, which has it no longer then."""
    config = FETCHED.replace("FILES", str(files)).replace("PORT", str(server.port))
    config = config.replace("USER", server.user).replace("HOST", server.host_key)
    daemon = make_daemon(database_url, config=HEAD + config.replace("KEY", str(server.key)))
    await daemon.start()
    path = files / "reg" / "reestr.csv"
    path.write_text(ROWS)
    hand_to_nobody(path)
    await until((files / "answers" / "reestr.csv.summary.txt").exists)
    answer = (files / "answers" / "reestr.csv.result.csv").read_bytes()
    assert (True, False) == (answer.startswith(ANSWERED), path.exists())
    assert 0 == await daemon.stop()
