"""A partner's files by HTTP: uploads, and the answers that it fetches."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
import structlog
from harness import until
from registry_desk import CONFIG, LONG_ENOUGH, PARTNER, Desk, ScriptedSink

from ingest.addresses import Listen
from ingest.config import load_config
from ingest.listeners import open_listener

ROWS = b"100000000001;10\n900000000003;30\n"
TOKEN = "a-long-secret"
SECRET = 'auth = { kind = "secret", header = "Authorization", value = { env = "TOKEN" } }'
BASIC = 'auth = { kind = "basic", username = "partner", password = { env = "TOKEN" } }'
CERTIFICATE = 'auth = { kind = "certificate", accepted = ["AA:BB"] }'
HMAC = (
    'auth = { kind = "hmac", key = { env = "TOKEN" }, header = "X-Signature", '
    'timestamp_header = "X-Time", signed = "{url}|{body}|{timestamp}" }'
)
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HTTP = 'public_url = "https://r.example"\ntrusted_proxies = ["127.0.0.9"]\n'
SMALL_BODY = 1000
"""``http.max_body``, which must not hold for files."""


class Counter(Desk):
    """A partner's folder with a channel that answers by HTTP."""

    port: int
    session: aiohttp.ClientSession

    def url(self, name: str = "", more: str = "") -> str:
        below = f"/{quote(name, safe='')}" if name else ""
        return f"http://127.0.0.1:{self.port}/channels/{PARTNER}/files{below}{more}"

    async def put(
        self, name: str, content: object = ROWS, **headers: str
    ) -> aiohttp.ClientResponse:
        headers = {one.replace("_", "-"): value for one, value in headers.items()}
        given = BEARER | headers if "X-Signature" not in headers else headers
        return await self.session.put(self.url(name), data=content, headers=given)

    async def get(self, name: str = "", more: str = "", **headers: str) -> aiohttp.ClientResponse:
        more = more if not name else f"/receipt{more}"
        return await self.session.get(self.url(name, more), headers=BEARER | headers)


@pytest.fixture
async def open_counter(tmp_path: Path) -> AsyncIterator[object]:
    """Return an async opener of a running channel on a listener."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_it(
            upload: str = SECRET, *, more: str = "", http: str = "", sink: object = None
        ) -> Counter:
            path = tmp_path / "config.toml"
            text = CONFIG.replace("settle = 0.05", f"settle = 0.05\n{more}")
            head = f"[http]\n{http}\n{HTTP}"
            path.write_text(f"{head}{text}[channels.partner.upload]\n{upload}\n", "utf-8")
            config = load_config(path, {"TOKEN": TOKEN})
            desk = Counter(config, sink or ScriptedSink())
            listener = open_listener(
                Listen(host="127.0.0.1", port=0),
                desk.channel.routes,
                max_body=SMALL_BODY,
                read_timeout=LONG_ENOUGH,
            )
            address = await stack.enter_async_context(listener)
            desk.port = int(address.rpartition(":")[2])
            desk.session = await stack.enter_async_context(aiohttp.ClientSession())
            report = await stack.enter_async_context(desk.running())
            await report.until(lambda: report.is_up)
            return desk

        yield open_it


@pytest.fixture
async def desk(open_counter) -> Counter:
    return await open_counter()


@pytest.fixture
def events() -> Iterator[list[dict[str, object]]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def list_left(desk: Desk) -> list[str]:
    """List every file beneath the folder but the lock."""
    found = [path for path in desk.root.rglob("*") if path.is_file() and path.name != ".lock"]
    return sorted(path.relative_to(desk.root).as_posix() for path in found)


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


# Taking files


async def test_a_file_is_taken_and_answered(desk: Counter) -> None:
    """201 says what was taken and where its answer will be; then the answer is there."""
    taken = await desk.put("a.csv")
    status = "https://r.example/channels/partner/files/a.csv/receipt"
    assert (201, status) == (taken.status, taken.headers["Location"])
    assert {
        "file": "a.csv",
        "size": len(ROWS),
        "sha256": hashlib.sha256(ROWS).hexdigest(),
        "status": status,
    } == await taken.json()
    await desk.report.until(desk.is_idle)
    answer = await desk.get("a.csv")
    assert (200, "text/csv; charset=utf-8") == (answer.status, answer.headers["Content-Type"])
    assert desk.read("out/a.csv.result.csv") == await answer.read()


async def test_the_same_again_is_told_as_such(desk: Counter) -> None:
    """200: it is here already, whether it has been answered meanwhile or not."""
    assert 201 == (await desk.put("a.csv")).status
    await desk.report.until(desk.is_idle)
    again = await desk.put("a.csv")
    assert (200, "a.csv") == (again.status, (await again.json())["file"])
    assert ["a.csv"] == desk.list("done")


async def test_another_content_gets_an_answer_of_its_own(desk: Counter) -> None:
    """Under the name that the response tells."""
    await desk.put("a.csv")
    await desk.report.until(desk.is_idle)
    other = await desk.put("a.csv", b"100000000005;50\n")
    assert (201, "a.2.csv") == (other.status, (await other.json())["file"])
    await desk.report.until(desk.is_idle)
    answer = await desk.get("a.2.csv")
    assert b"100000000005;50;accept;accepted" in await answer.read()


async def test_a_file_may_be_larger_than_other_requests(desk: Counter) -> None:
    """The limit of bodies is not that of files; chunked uploads have no length at all."""

    async def parts() -> AsyncIterator[bytes]:
        for number in range(100):
            yield f"{100000000000 + number};1\n".encode() * 20

    taken = await desk.put("a.csv", parts())
    assert (201, 100 * 20 * 15) == (taken.status, (await taken.json())["size"])


async def test_ten_at_once_under_one_name(open_counter) -> None:
    """The same content is one file; every upload is told so."""
    desk = await open_counter(f"at_once = 20\n{SECRET}")
    answers = await asyncio.gather(*(desk.put("a.csv") for _ in range(10)))
    assert {200, 201} >= {one.status for one in answers}
    assert {"a.csv"} == {(await one.json())["file"] for one in answers}
    await desk.report.until(desk.is_idle)
    assert ["a.csv"] == desk.list("done")


async def test_curl_uploads(desk: Counter, tmp_path: Path) -> None:
    """The program that partners have."""
    (tmp_path / "реестр 41.csv").write_bytes(ROWS)
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--show-error", "--fail", "--upload-file", tmp_path / "реестр 41.csv",
        "--header", f"Authorization: Bearer {TOKEN}", desk.url("реестр 41.csv"),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await process.communicate()
    assert (0, "реестр 41.csv") == (process.returncode, json.loads(told)["file"])
    await desk.report.until(desk.is_idle)
    assert ["реестр 41.csv"] == desk.list("done")


# Names


NAMES = [
    pytest.param("%2e%2e%2f%2e%2e%2fetc%2fpasswd", id="climbing"),
    pytest.param("..%2Fx", id="one up"),
    pytest.param("%2e%2e", id="above"),
    pytest.param("a%00.csv", id="NUL"),
    pytest.param("a" * 300, id="300 characters"),
    pytest.param("%D1%8B" * 200, id="400 bytes"),
    pytest.param("a%E2%80%AEvsc.exe", id="turned round"),
    pytest.param("a%0d%0aX-Evil:1", id="header injection"),
    pytest.param("%ff%fe.csv", id="no text"),
    pytest.param(".hidden", id="hidden"),
    pytest.param("a.csv.part", id="unfinished"),
    pytest.param("C:%5Cx.csv", id="another system's path"),
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_never_a_path(desk: Counter, name: str) -> None:
    """What is no plain name is refused; nothing appears anywhere."""
    status, body = await ask_raw(desk, f"PUT /channels/partner/files/{name} HTTP/1.1", ROWS)
    assert (400, "application/problem+json") == (status, body[0])
    assert [] == list_left(desk)


PLAIN = [
    pytest.param("..%2e.csv", 400, id="three dots"),
    pytest.param("CON", 201, id="a device elsewhere"),
    pytest.param("a%20%D1%8F+%25.csv", 201, id="blank, Cyrillic, plus, percent"),
    pytest.param("-rf", 201, id="an option"),
    pytest.param("%7B%7D%3B%26.csv", 201, id="braces"),
]


@pytest.mark.parametrize(("name", "expected"), PLAIN)
async def test_odd_names_are_names(desk: Counter, name: str, expected: int) -> None:
    """They are taken as they are, or refused; nothing is interpreted."""
    status, _ = await ask_raw(desk, f"PUT /channels/partner/files/{name} HTTP/1.1", ROWS)
    assert expected == status


async def ask_raw(desk: Counter, line: str, body: bytes = b"", *more: str) -> tuple[int, list[str]]:
    """Send a request as it is written; return the status, the content type and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
    head = [line, "Host: x", f"Authorization: Bearer {TOKEN}", "Connection: close", *more]
    head += (
        []
        if any(one.startswith("Content-Length") for one in more)
        else [f"Content-Length: {len(body)}"]
    )
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    said = (await reader.read()).decode("utf-8", "replace")
    writer.close()
    kind = next((one for one in said.split("\r\n") if one.lower().startswith("content-type")), "")
    return int(said.split(" ")[1]), [kind.partition(": ")[2], said.partition("\r\n\r\n")[2]]


# What is refused


BROKEN = [
    pytest.param({"Content_Encoding": "gzip"}, 415, id="packed"),
    pytest.param({"Content_Range": "bytes 0-1/5"}, 400, id="in part"),
    pytest.param({"Content_Digest": digest(b"other")}, 400, id="another digest"),
    pytest.param({"Content_MD5": "nonsense"}, 400, id="no digest"),
    pytest.param({"Digest": "SHA-256=" + digest(b"other")[9:-1]}, 400, id="another, older"),
]


@pytest.mark.parametrize(("headers", "expected"), BROKEN)
async def test_what_is_not_the_plain_file_is_refused(
    desk: Counter, headers: dict[str, str], expected: int
) -> None:
    """A problem document says why, and nothing is left behind."""
    answer = await desk.put("a.csv", **headers)
    told = await answer.json(content_type="application/problem+json")
    assert (expected, expected) == (answer.status, told["status"])
    assert [] == list_left(desk)


async def test_a_digest_that_agrees_is_no_matter(desk: Counter) -> None:
    """What was sent has arrived."""
    md5 = base64.b64encode(hashlib.md5(ROWS).digest()).decode()
    answer = await desk.put("a.csv", Content_Digest=digest(ROWS), Content_MD5=md5)
    assert 201 == answer.status


async def test_a_file_that_is_too_large_is_refused(desk: Counter) -> None:
    """By its announced length, or once it has grown too large."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    announced = await ask_raw(
        desk, "PUT /channels/partner/files/a HTTP/1.1", b"", "Content-Length: 10000000000"
    )
    assert 413 == announced[0]
    with contextlib.suppress(aiohttp.ClientError):
        assert 413 == (await desk.put("a.csv", endless())).status
    assert [] == list_left(desk)


async def test_a_full_disk_is_told(open_counter) -> None:
    """507: it is our trouble, and passes."""
    desk = await open_counter(more="min_free = 1_000_000_000_000")
    assert 507 == (await desk.put("a.csv")).status
    assert [] == list_left(desk)


async def test_a_disk_that_fills_up_meanwhile(open_counter) -> None:
    """507, and what was written is taken off again."""
    desk = await open_counter()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        answer = await desk.put("a.csv", b"x" * 150_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (507, []) == (answer.status, list_left(desk))


async def test_an_interrupted_upload_leaves_nothing(desk: Counter) -> None:
    """Neither a file nor a draft."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
    head = f"PUT /channels/partner/files/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    writer.write(f"{head}Content-Length: 1000\r\n\r\n".encode() + ROWS)
    await until(lambda: list_left(desk))
    writer.transport.abort()
    await until(lambda: not list_left(desk))
    del reader


async def test_a_slow_upload_is_given_up(open_counter) -> None:
    """It must not hold its place for ever; the partner is told."""
    desk = await open_counter(http="read_timeout = 0.05")
    answer = await ask_raw(
        desk, "PUT /channels/partner/files/a HTTP/1.1", ROWS, "Content-Length: 1000"
    )
    assert 408 == answer[0]
    assert [] == list_left(desk)


async def test_more_than_can_be_taken_come_later(open_counter) -> None:
    """503 with Retry-After; the upload that is under way is not disturbed."""
    desk = await open_counter(f"at_once = 1\n{SECRET}")
    gate = asyncio.Event()

    async def halting() -> AsyncIterator[bytes]:
        yield ROWS
        await gate.wait()

    first = asyncio.create_task(desk.put("a.csv", halting()))
    await until(lambda: list_left(desk))
    second = await desk.put("b.csv")
    gate.set()
    assert (503, "10") == (second.status, second.headers["Retry-After"])
    assert 201 == (await first).status


# Who may


async def test_nobody_else_learns_anything(open_counter, events) -> None:
    """Neither by uploading nor by asking; the secret that was tried is not logged."""
    desk = await open_counter()
    wrong = {"Authorization": "Bearer wrong-secret"}
    answers = [
        await desk.session.put(desk.url("a.csv"), data=ROWS),
        await desk.session.put(desk.url("a.csv"), data=ROWS, headers=wrong),
        await desk.session.get(desk.url(), headers=wrong),
        await desk.session.get(desk.url("a.csv", "/receipt"), headers=wrong),
        await desk.session.get(desk.url("a.csv", "/receipt"), params={"token": TOKEN}),
    ]
    assert [401] * 5 == [one.status for one in answers]
    assert ([], False) == (list_left(desk), "wrong-secret" in str(events))


async def test_a_user_with_a_password(open_counter) -> None:
    """And a challenge for whoever has none."""
    desk = await open_counter(BASIC)
    auth = {"Authorization": aiohttp.encode_basic_auth("partner", TOKEN)}
    good = await desk.session.put(desk.url("a.csv"), data=ROWS, headers=auth)
    bad = await desk.session.put(desk.url("a.csv"), data=ROWS)
    assert (201, 401) == (good.status, bad.status)
    assert 'Basic realm="partner"' == bad.headers["WWW-Authenticate"]


async def test_a_certificate_told_by_a_stranger_is_none(open_counter) -> None:
    """The header is believed from trusted proxies alone."""
    desk = await open_counter(CERTIFICATE)
    header = {"X-SSL-Client-Fingerprint": "aabb"}
    stranger = await desk.session.put(desk.url("a.csv"), data=ROWS, headers=header)
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.9", 0))
    async with aiohttp.ClientSession(connector=connector) as proxy:
        good = await proxy.put(desk.url("a.csv"), data=ROWS, headers=header)
        other = await proxy.get(desk.url(), headers={"X-SSL-Client-Fingerprint": "aabbcc"})
    assert (401, 201, 401) == (stranger.status, good.status, other.status)


async def test_networks_that_may(open_counter) -> None:
    """Whoever comes from elsewhere is refused before anything is read."""
    desk = await open_counter('allow_from = ["192.0.2.0/24"]')
    assert 403 == (await desk.put("a.csv")).status


def sign(url: str, content: bytes, now: int) -> dict[str, str]:
    body = hashlib.sha256(content).hexdigest() if content else ""
    signed = f"{url}|{body}|{now}".encode()
    mac = hmac.new(TOKEN.encode(), signed, "sha256").hexdigest()
    return {"X-Signature": mac, "X-Time": str(now)} | (
        {"Content-Digest": digest(content)} if content else {}
    )


async def test_a_signature_covers_name_and_content(open_counter) -> None:
    """It cannot be used for another file, another name or later."""
    desk = await open_counter(HMAC)
    now = int(desk.channel._uploads.now().timestamp())
    url = "https://r.example/channels/partner/files"
    good = sign(f"{url}/a.csv", ROWS, now)
    tries = [
        (desk.url("a.csv"), ROWS, good),
        (desk.url("b.csv"), ROWS, good),
        (desk.url("a.csv"), b"other", good),
        (desk.url("a.csv"), b"other", good | {"Content-Digest": digest(b"other")}),
        (desk.url("a.csv"), ROWS, {one: good[one] for one in ("X-Signature", "X-Time")}),
        (desk.url("a.csv"), ROWS, sign(f"{url}/a.csv", ROWS, now - 3600)),
    ]
    got = [(await desk.session.put(to, data=data, headers=how)).status for to, data, how in tries]
    assert [201, 401, 400, 401, 401, 401] == got
    listed = await desk.session.get(desk.url(), headers=sign(url, b"", now))
    assert 200 == listed.status


# Answers


async def test_the_parts_of_an_answer(desk: Counter) -> None:
    """All lines, those to send again, the whole in words; as asked for."""
    await desk.put("a.csv")
    await desk.report.until(desk.is_idle)
    failed = await (await desk.get("a.csv", "?part=failed")).read()
    summary = await (await desk.get("a.csv", "?part=summary")).text()
    preferred = await (await desk.get("a.csv", Accept="text/plain")).text()
    told = await (await desk.get("a.csv", Accept="application/json")).json()
    assert b"900000000003;30\n" == failed
    assert "Квитанция: FILE-1" in summary
    assert (summary, "answered") == (preferred, told["state"])
    assert 400 == (await desk.get("a.csv", "?part=../x")).status


async def test_an_answer_without_lines_is_its_summary(desk: Counter) -> None:
    """A file that is none of readings has no lines that could be answered."""
    await desk.put("a.csv", b"PK\x03\x04 archive")
    await desk.report.until(desk.is_idle)
    answer = await desk.get("a.csv")
    assert (200, "failed") == (answer.status, answer.headers["X-File-State"])
    assert "Файл не принят" in await answer.text()
    assert 404 == (await desk.get("a.csv", "?part=result")).status


async def test_a_file_at_work_says_how_far_it_got(open_counter) -> None:
    """202, with lines and what became of them so far."""
    sink = ScriptedSink()
    desk = await open_counter(sink=sink)
    seen = asyncio.Event()

    def stop_at_second(call: str, kept) -> None:
        if call == "chunk" and kept.chunks:
            sink.gate.clear()
            seen.set()

    sink.before = stop_at_second
    await desk.put("a.csv", b"100000000001;10\n900000000003;30\n100000000004;1\n")
    await asyncio.wait_for(seen.wait(), LONG_ENOUGH)
    answer = await desk.get("a.csv")
    told = await answer.json()
    sink.gate.set()
    assert (202, "5") == (answer.status, answer.headers["Retry-After"])
    assert ("at work", 2, {"accept": 1, "reject": 1}) == (
        told["state"],
        told["lines"],
        told["outcomes"],
    )


async def test_a_file_that_never_came_is_not_known(desk: Counter) -> None:
    """404, as a problem document."""
    assert 404 == (await desk.get("b.csv")).status


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("..%2F..%2Fother%2Fout%2Fa.csv", id="another partner's"),
        pytest.param("%2E%2E%2Fdone%2Fa.csv", id="another folder"),
        pytest.param("a%00.csv", id="NUL"),
    ],
)
async def test_an_answer_is_never_asked_for_by_a_path(desk: Counter, name: str) -> None:
    """Only what lies in the folder of the channel is shown, whatever the name spells."""
    for folder in ("../other/out", "out/../done"):
        (desk.root / folder).mkdir(parents=True, exist_ok=True)
        for ending in (".summary.txt", ".result.csv"):
            (desk.root / folder / f"a.csv{ending}").write_text("another's")
    line = f"GET /channels/partner/files/{name}/receipt?part=result HTTP/1.1"
    status, body = await ask_raw(desk, line)
    assert (404, False) == (status, "another's" in body[1])


async def test_files_are_listed(open_counter) -> None:
    """Those under way, and those that were answered."""
    desk = await open_counter(more='complete = "done-file"')
    await desk.put("a b.csv")
    await desk.report.until(desk.is_idle)
    desk.drop("later.csv", ROWS)
    files = (await (await desk.get()).json())["files"]
    assert [("later.csv", "waiting"), ("a b.csv", "answered")] == [
        (one["file"], one["state"]) for one in files
    ]
    assert files[1]["status"].endswith("/files/a%20b.csv/receipt")


async def test_before_it_is_up_and_after_it_ended(tmp_path: Path) -> None:
    """503: come later."""
    path = tmp_path / "config.toml"
    path.write_text(f"{CONFIG}[channels.partner.upload]\n{SECRET}\n", "utf-8")
    desk = Counter(load_config(path, {"TOKEN": TOKEN}), ScriptedSink())
    listener = open_listener(
        Listen(host="127.0.0.1", port=0), desk.channel.routes, max_body=1, read_timeout=1
    )
    async with listener as address, aiohttp.ClientSession() as desk.session:
        desk.port = int(address.rpartition(":")[2])
        before = await desk.put("a.csv")
        async with desk.running() as report:
            await report.until(lambda: report.is_up)
        after = await desk.put("a.csv")
    assert (503, 503) == (before.status, after.status)


# Memory


async def test_memory_does_not_grow_with_the_file(open_counter) -> None:
    """What comes in goes to the disk; a hundred megabytes leave no trace in the process."""
    desk = await open_counter()
    desk.channel._letterbox.max_size = 200_000_000
    block = b"x" * 1_000_000

    async def large() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield block

    before = read_peak()
    taken = await desk.put("a.csv", large())
    assert (201, True) == (taken.status, read_peak() - before < 50_000_000)


def read_peak() -> int:
    """Return the most memory that the process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
