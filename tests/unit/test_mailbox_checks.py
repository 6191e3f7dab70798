"""What a channel that reads a mailbox must have, one exact line for every mistake."""

import pytest
from config_texts import WINDOWS

IMAP = """
[channels.box]
type = "imap"
window = "all-month"
host = "imap.example.org"
username = "energy@example.org"
password = { env = "S" }
"""
PASSWORD = 'password = { env = "S" }'
NAMES = ('host = "imap.example.org"', 'username = "energy@example.org"')
OAUTH = '[channels.box.oauth]\nclient_id = "us"\n'
TOKEN = 'refresh_token = { env = "S" }\n'
URL = 'token_url = "https://login.example.org/token"\n'


def change(text, *changes):
    """Return a text with some of it replaced."""
    for usual, other in changes:
        assert usual in text
        text = text.replace(usual, other)
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            change(IMAP, (NAMES[0], "")),
            "channels.box.host: this key is missing; wanted a name like imap.example.org",
            id="no host",
        ),
        pytest.param(
            change(IMAP, (NAMES[0], 'host = "imaps://imap.example.org"')),
            "channels.box.host: found 'imaps://...', wanted a bare host name like "
            "server.example.org; the port goes into port",
            id="a URL",
        ),
        pytest.param(
            change(IMAP, (NAMES[0], 'host = "localhost:11993"')),
            "channels.box.host: found 'localhost:11993', wanted a bare host name like "
            "server.example.org; the port goes into port",
            id="a port in the name",
        ),
        pytest.param(
            change(IMAP, (PASSWORD, 'password = "hunter2"')),
            'channels.box.password: found a text, wanted { credential = "NAME" }, '
            '{ file = "PATH" } or { env = "NAME" }: a secret never stands here',
            id="the password itself",
        ),
        pytest.param(
            change(IMAP, (PASSWORD, "password = 271828")),
            'channels.box.password: found a number or a word, wanted { credential = "NAME" }, '
            '{ file = "PATH" } or { env = "NAME" }: a secret never stands here',
            id="a password of digits",
        ),
        pytest.param(
            change(IMAP, (NAMES[1], 'username = "me\\r\\nA1 DELETE INBOX"'))
            + 'addresses = ["a@example.org"]\n',
            r"channels.box.username: found 'me\r\nA1 DELETE INBOX', wanted who logs in to the "
            "mailbox",
            id="a command in the name",
        ),
        pytest.param(
            change(IMAP, (PASSWORD, "")),
            "channels.box.password: wanted either this key or [channels.box.oauth], and not both",
            id="no password",
        ),
        pytest.param(
            IMAP + OAUTH + URL + TOKEN,
            "channels.box.password: wanted either this key or [channels.box.oauth], and not both",
            id="password and oauth",
        ),
        pytest.param(
            IMAP + 'security = "none"\n',
            "channels.box.security: found 'none', but imap.example.org is another machine; wanted "
            "'tls' or 'starttls', or allow_plain = true where the network is safe",
            id="in the open",
        ),
        pytest.param(
            change(IMAP, (PASSWORD, "")) + OAUTH + TOKEN + 'token_url = "http://x.example/t"\n',
            "channels.box.oauth.token_url: found 'http://...', wanted https://HOST/PATH",
            id="tokens in the open",
        ),
        pytest.param(
            change(IMAP, (PASSWORD, "")) + OAUTH + URL,
            "channels.box.oauth.refresh_token: this key is missing, and so is client_secret; "
            "wanted one",
            id="nothing to get a token with",
        ),
        pytest.param(
            IMAP + 'processed = "inbox"\n',
            "channels.box.processed: found 'inbox', where mails arrive; wanted another folder",
            id="back to where they came from",
        ),
        pytest.param(
            IMAP + 'review = "a\\r\\nb"\n',
            r"channels.box.review: found 'a\r\nb', wanted a name without * and % and without "
            "characters that cannot be seen",
            id="a command in a folder",
        ),
        pytest.param(
            IMAP + 'folder = "*"\n',
            "channels.box.folder: found '*', wanted a name without * and % and without characters "
            "that cannot be seen",
            id="a wildcard",
        ),
        pytest.param(
            IMAP + 'addresses = ["Energy@example.org"]\n',
            "channels.box.addresses[0]: found 'Energy@example.org', wanted an address like "
            "energy@example.org, in lower case",
            id="upper case",
        ),
        pytest.param(
            IMAP + 'reply_from = "energy"\n',
            "channels.box.reply_from: found 'energy', wanted an address like energy@example.org",
            id="no address to reply from",
        ),
        pytest.param(
            change(IMAP, (NAMES[1], 'username = "energy"')),
            "channels.box.addresses: this key is missing, and username is no address; wanted the "
            "addresses of the mailbox",
            id="no address at all",
        ),
        pytest.param(
            IMAP + change(IMAP, ("channels.box", "channels.other")),
            "channels.other.folder: found 'INBOX' of a mailbox that channels.box reads already",
            id="two for one mailbox",
        ),
        pytest.param(
            IMAP
            + change(IMAP, ("channels.box", "channels.other"))
            + 'folder = "Inbox"\nport = 993\n',
            "channels.other.folder: found 'Inbox' of a mailbox that channels.box reads already",
            id="two for one mailbox, written otherwise",
        ),
        pytest.param(
            IMAP
            + change(IMAP, ("channels.box", "channels.other"))
            + 'folder = "processed"\nprocessed = "done"\nreview = "done"\n',
            "channels.other.folder: found 'processed' of a mailbox, where channels.box puts mails "
            "that it has taken",
            id="one reads what the other has read",
        ),
        pytest.param(
            IMAP
            + change(IMAP, ("channels.box", "channels.other"))
            + 'folder = "INBOX.Processed"\nprocessed = "done"\nreview = "done"\n',
            "channels.other.folder: found 'INBOX.Processed' of a mailbox, where channels.box puts "
            "mails that it has taken",
            id="one reads what the other has read, as the server calls it",
        ),
        pytest.param(
            change(IMAP, (NAMES[0], 'host = "127.0.0.1"'))
            + change(IMAP, (NAMES[0], 'host = "localhost"'), ("channels.box", "channels.other")),
            "channels.other.folder: found 'INBOX' of a mailbox that channels.box reads already",
            id="two names of this machine",
        ),
        pytest.param(
            change(IMAP, (NAMES[0], 'host = "::1"'))
            + change(IMAP, (NAMES[0], 'host = "LocalHost."'), ("channels.box", "channels.other")),
            "channels.other.folder: found 'INBOX' of a mailbox that channels.box reads already",
            id="two names of this machine, written otherwise",
        ),
        pytest.param(
            change(IMAP, (NAMES[0], 'host = "mail.example.org."'))
            + change(
                IMAP, (NAMES[0], 'host = "Mail.example.org"'), ("channels.box", "channels.other")
            ),
            "channels.other.folder: found 'INBOX' of a mailbox that channels.box reads already",
            id="one name in full",
        ),
    ],
)
def test_refused(text, expected, list_mistakes):
    """What cannot work is told before anything is connected."""
    assert [expected] == list_mistakes(WINDOWS + text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(IMAP, id="as it should be"),
        pytest.param(IMAP + 'security = "none"\nallow_plain = true\n', id="in the open, knowingly"),
        pytest.param(
            change(IMAP, (NAMES[0], 'host = "::1"')) + 'security = "none"\n', id="this machine"
        ),
        pytest.param(change(IMAP, (PASSWORD, "")) + OAUTH + URL + TOKEN, id="OAuth"),
        pytest.param(
            change(IMAP, (PASSWORD, "")) + OAUTH + URL + 'client_secret = { env = "S" }\n',
            id="OAuth in its own name",
        ),
        pytest.param(IMAP + 'processed = ""\nreview = ""\n', id="mails stay"),
        pytest.param(IMAP + 'processed = "\\\\Archive"\nreview = "Разобрать"\n', id="any names"),
        pytest.param(
            IMAP + change(IMAP, ("channels.box", "channels.other")) + 'folder = "Other"\n',
            id="two folders of one mailbox",
        ),
        pytest.param(
            IMAP + change(IMAP, ("channels.box", "channels.other")) + "enabled = false\n",
            id="one of two disabled",
        ),
        pytest.param(
            '[channels.box]\ntype = "imap"\nwindow = "all-month"\nenabled = false',
            id="half written",
        ),
    ],
)
def test_taken(text, load_text):
    """What can work is taken."""
    assert load_text(WINDOWS + text).settings
