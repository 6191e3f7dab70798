"""Mail as bytes becomes what its sender wrote; one table per paragraph of the promise."""

import base64
import datetime as dt
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.bodies import LONGEST_TEXT
from ingest.mime import LONGEST_HELD_BACK, LONGEST_SUBJECT, read_mail

READING = "123456789012*5467;"
OLD = "210987654321*1111;"
RUSSIAN = f"Добрый день!\nПоказания: {READING}\nСпасибо."
PLAIN = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


def a_mail(body: bytes | str = READING, **headers: str) -> bytes:
    """Return a mail; underscores in names of headers stand for hyphens."""
    given = {"from": "Ivan <ivan@example.org>", "message_id": "<1@example.org>"} | headers
    lines = [
        name.replace("_", "-").encode()
        + b": "
        + (value if isinstance(value, bytes) else value.encode())
        for name, value in given.items()
    ]
    content = body if isinstance(body, bytes) else body.encode()
    return b"\r\n".join([*lines, b"", content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")])


def a_part(kind: str, body: bytes | str, **headers: str) -> bytes:
    """Return one part of a mail in several."""
    content = body if isinstance(body, bytes) else body.encode()
    lines = [f"{name.replace('_', '-')}: {value}".encode() for name, value in headers.items()]
    return b"\r\n".join([f"Content-Type: {kind}".encode(), *lines, b"", content])


def parts(kind: str, *bodies: bytes, boundary: str = "b1") -> bytes:
    """Return a multipart body with its header."""
    mark = f"--{boundary}".encode()
    joined = b"".join(mark + b"\r\n" + body + b"\r\n" for body in bodies)
    return (
        f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
        + joined
        + mark
        + b"--\r\n"
    )


def whole(body: bytes, **headers: str) -> bytes:
    """Return a mail whose content type stands at the top of *body*."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n".encode() for name, value in headers.items()]
    return b"From: ivan@example.org\r\n" + b"".join(lines) + body


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "cp866", "iso-8859-5", "utf-8"])
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_russian_in_every_charset_and_encoding(charset, encoding):
    """The text is the same however it was carried."""
    body = RUSSIAN.encode(charset)
    encode = {"8bit": bytes, "quoted-printable": quopri.encodestring, "base64": base64.encodebytes}
    raw = a_mail(
        encode[encoding](body),
        content_type=f"text/plain; charset={charset}",
        content_transfer_encoding=encoding,
    )
    assert RUSSIAN == read_mail(raw).text


@pytest.mark.parametrize("label", ["us-ascii", "iso-8859-1", "utf-8", "koi8-r", "x-unknown"])
def test_a_wrong_label(label):
    """A mail that is windows-1251 and says otherwise is understood."""
    raw = a_mail(RUSSIAN.encode("cp1251"), content_type=f"text/plain; charset={label}")
    assert RUSSIAN == read_mail(raw).text


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        pytest.param({}, READING, READING, id="a bare mail"),
        pytest.param({"content_type": "nonsense"}, READING, READING, id="a type that is none"),
        pytest.param({"content_type": "text"}, READING, READING, id="half a type"),
        pytest.param(
            {"content_transfer_encoding": "quoted-printable"},
            "12345678=\n9012*54=\n67;",
            READING,
            id="a soft break inside the number",
        ),
        pytest.param(
            {"content_transfer_encoding": "quoted-printable"},
            "=31=3z2 =D0=BF 5=",
            "1=3z2 п 5",
            id="broken quoted-printable",
        ),
        pytest.param(
            {"content_transfer_encoding": "base64"},
            "MTIzNDU2!Nzg5MDEy\n\nKjU0NjcA",
            "123456789012*5467",
            id="broken base64",
        ),
        pytest.param(
            {"content_type": f"{PLAIN}; format=flowed; delsp=yes"},
            "12345678 \n9012*5467;\n-- \nIvan",
            READING,
            id="a flowed number",
        ),
        pytest.param({}, f"{READING}\n-- \nIvan\n1234567", READING, id="signature"),
        pytest.param({}, f"{READING}\n> {OLD}", READING, id="quotation"),
        pytest.param({"content_type": "text/calendar"}, OLD, "", id="a calendar"),
        pytest.param({"content_type": "application/pdf"}, OLD, "", id="a file"),
        pytest.param({"content_type": "message/rfc822"}, f"X: y\n\n{OLD}", "", id="another mail"),
        pytest.param({"content_type": "multipart/mixed"}, READING, READING, id="no boundary"),
        pytest.param(
            {"content_type": "multipart/mixed; boundary=x"}, READING, READING, id="lost boundary"
        ),
        pytest.param({}, "1\0\x1b[31m2\x9b", "1[31m2", id="control characters"),
    ],
)  # fmt: skip
def test_one_part(headers, body, expected):
    """The body of a simple mail."""
    assert expected == read_mail(a_mail(body, **headers)).text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            parts("alternative", a_part(PLAIN, READING), a_part(HTML, f"<p>{READING}</p>")),
            READING,
            id="alternatives are one",
        ),
        pytest.param(
            parts("alternative", a_part(PLAIN, " \r\n"), a_part(HTML, f"<p>{READING}</p>")),
            READING,
            id="an empty plain alternative",
        ),
        pytest.param(
            parts("alternative", a_part(PLAIN, "See HTML"), a_part(HTML, f"<p>{READING}</p>")),
            READING,
            id="a plain alternative without figures",
        ),
        pytest.param(
            parts("mixed", a_part(PLAIN, READING), a_part(HTML, f"<p>{READING}</p>")),
            READING,
            id="alternatives that are not called so",
        ),
        pytest.param(
            parts(
                "mixed",
                parts(
                    "related",
                    parts("alternative", a_part(PLAIN, READING), a_part(HTML, OLD), boundary="b11"),
                    boundary="b1-2",
                ),
                a_part("image/jpeg", "xxx"),
            ),
            READING,
            id="nested",
        ),
        pytest.param(
            parts(
                "mixed",
                a_part(PLAIN, READING),
                a_part(PLAIN, OLD, content_disposition="attachment"),
                a_part(PLAIN, OLD, content_disposition="inline; filename=a.txt"),
                a_part('text/plain; name="a.txt"', OLD),
                a_part("message/rfc822", f"From: a@b.c\r\n\r\n{OLD}"),
            ),
            READING,
            id="what is attached",
        ),
        pytest.param(
            parts("signed", a_part(PLAIN, READING), a_part("text/plain", OLD)),
            READING,
            id="signed",
        ),
        pytest.param(
            parts("mixed", a_part(PLAIN, "a 1"), a_part("image/png", "x"), a_part(PLAIN, "b 2")),
            "a 1\nb 2",
            id="text around a picture",
        ),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b1\n\nfor old programs\n--b1 \n\n"
            + READING.encode(),
            READING,
            id="bare line feeds, and no end",
        ),
    ],
)
def test_several_parts(body, expected):
    """One text is taken out of many parts."""
    assert expected == read_mail(whole(body)).text


OUTLOOK = f"""<html xmlns:o="urn:schemas-microsoft-com:office:office"><head>
<meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><style><!--
/* Font 123 */ p.MsoNormal {{margin:0cm;font-size:11.0pt;}} --></style>
<!--[if gte mso 9]><xml><o:shapedefaults spidmax="1026"/></xml><![endif]--></head>
<body lang=RU><div class=WordSection1><p class=MsoNormal>Показания:<o:p></o:p></p>
<table class=MsoTableGrid><tr><td width=319><p class=MsoNormal>{READING[:12]}<o:p></o:p></p></td>
</tr></table><p class=MsoNormal>{READING}<o:p>&nbsp;</o:p></p>
<div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>From:</b> Energy
&lt;energy@example.org&gt;<br><b>Sent:</b> Thursday, November 5, 2026 10:00 AM<br><b>To:</b> Ivan
<br><b>Subject:</b> Re: x</p></div><p class=MsoNormal>{OLD}</p></div></body></html>"""
GMAIL = f"""<div dir="ltr">Показания:<div>{READING}<br></div></div><br>
<div class="gmail_quote"><div dir="ltr" class="gmail_attr">чт, 5 нояб. 2026&nbsp;г. в 10:00,
Энергосбыт &lt;<a href="mailto:energy@example.org">energy@example.org</a>&gt;:<br></div>
<blockquote class="gmail_quote" style="margin:0px"><div>{OLD}</div></blockquote></div>"""
MAIL_RU = f"""
<HTML><BODY><div>Показания:</div><div>{READING}</div><div><br></div>--<br>Иван<br>
<blockquote style="border-left:1px solid #0857A6;">
Четверг, 5 ноября 2026, 10:00 +07:00 от Энергосбыт &lt;energy@example.org&gt;:<br>{OLD}
</blockquote></BODY></HTML>"""


@pytest.mark.parametrize(
    ("markup", "charset", "expected"),
    [
        pytest.param(OUTLOOK, "koi8-r", ["Показания:", READING[:12], READING], id="Outlook"),
        pytest.param(GMAIL, "utf-8", ["Показания:", READING], id="Gmail"),
        pytest.param(MAIL_RU, "windows-1251", ["Показания:", READING], id="mail.ru"),
    ],
)
def test_html_of_well_known_programs(markup, charset, expected):
    """Mail that is HTML only, with an answer of ours quoted."""
    raw = a_mail(markup.encode(charset), content_type=f"text/html; charset={charset}")
    assert expected == [line.strip() for line in read_mail(raw).text.splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("subject", "body", "expected"),
    [
        pytest.param(READING, "", READING, id="no body"),
        pytest.param(f"Re: {READING}", f"> {OLD}", f"Re: {READING}", id="nothing but quoted"),
        pytest.param(READING, "Иванов", f"{READING}\nИванов", id="no figure in the body"),
        pytest.param("Показания 2026", READING, READING, id="figures in the body"),
        pytest.param(f"Re: {READING}", "Спасибо!", "Спасибо!", id="thanks for the answer"),
        pytest.param(f"Отв: {READING}", "Спасибо!", "Спасибо!", id="thanks in Russian"),
        pytest.param("", "", "", id="nothing at all"),
        pytest.param(READING, "тел. 257-00-00", f"{READING}\nтел. 257-00-00", id="a telephone"),
        pytest.param("Л/с 123456789012", "5467", "Л/с 123456789012\n5467", id="the account"),
        pytest.param(READING, READING, READING, id="the same twice"),
        pytest.param(READING, OLD, f"{READING}\n{OLD}", id="one each"),
        pytest.param("Л/с 123456789012, ноябрь 2026", READING, READING, id="the account again"),
    ],
)
def test_the_subject_serves_when_the_body_does_not(subject, body, expected):
    """Some people write their reading into the subject."""
    assert expected == read_mail(a_mail(body, subject=subject)).text


MIXED = parts("mixed", a_part(PLAIN, "{}"), a_part("text/csv; name=a.csv", READING))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(a_mail(READING), "", id="the sender's own"),
        pytest.param(a_mail(f"{READING}\n> {OLD}"), "", id="with a quotation"),
        pytest.param(a_mail(f"Спасибо\n> {OLD}"), f"[quoted]\n> {OLD}", id="quoted alone"),
        pytest.param(a_mail("Спасибо\n> и вам"), "", id="nothing in the quotation"),
        pytest.param(
            a_mail(f"Спасибо\n> {OLD}", auto_submitted="auto-replied"), "", id="a robot quotes"),
        pytest.param(whole(MIXED.replace(b"{}", b"")), f"[attached file: a.csv]\n{READING}",
                     id="a file"),
        pytest.param(whole(MIXED.replace(b"{}", OLD.encode())), "", id="a file beside a reading"),
        pytest.param(
            whole(MIXED.replace(b"{}", b""), Precedence="bulk"),
            f"[attached file: a.csv]\n{READING}", id="a robot forwards"),
        pytest.param(
            whole(parts("alternative", a_part(PLAIN, READING), a_part(HTML, OLD))),
            f"[plain text and HTML differ]\n{OLD}", id="alternatives differ"),
        pytest.param(
            a_mail("", subject=f"Re: {READING}"),
            "[no text but the subject, which may be an earlier one]", id="an answer without text"),
        pytest.param(
            a_mail(f"{READING}\n" + "a\n" * 20_000),
            "[not read to its end: more than is read of a mail]", id="more than is read"),
        pytest.param(a_mail(f"{READING}\n" + "> a\n" * 20_000), "", id="more than is read, quoted"),
    ],
)  # fmt: skip
def test_what_is_held_back(raw, expected):
    """A person is shown where a reading may be that is not the sender's own."""
    assert expected == read_mail(raw).held_back


def test_lists_of_a_partner_are_read():
    """With them the text goes on; without being told so nothing attached is read."""
    raw = whole(MIXED.replace(b"{}", b"list"))
    assert ("list", ("a.csv",)) == (read_mail(raw).text, read_mail(raw).attachments)
    mail = read_mail(raw, read_attachments=True)
    assert (f"list\n{READING}", "") == (mail.text, mail.held_back)


def test_headers_of_a_mail():
    """What else is taken from a mail."""
    mail = read_mail(
        a_mail(
            subject="=?koi8-r?B?8M/LwdrBzsnR?=",
            date="Tue, 24 Nov 2026 12:00:00 +0700",
            references="<a@x.org> junk\r\n <b@x.org>",
            reply_to="petr@example.org",
        )
    )
    assert ("Показания", "<1@example.org>") == (mail.subject, mail.message_id)
    assert ("<a@x.org> <b@x.org>", "petr@example.org") == (mail.references, mail.reply_to)
    assert ("ivan@example.org", "", False) == (mail.from_address, mail.automatic, mail.anonymous)
    assert dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC) == mail.date


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"From: a@x.org\r\n\r\n1", True, id="neither"),
        pytest.param(b"Date: x\r\n\r\n1", False, id="a date, be it a bad one"),
        pytest.param(b"Message-ID: <1@x.org>\r\n\r\n1", False, id="an id"),
        pytest.param(b"", True, id="nothing"),
    ],
)
def test_a_mail_may_be_anonymous(raw, expected):
    """Without Message-ID and Date two mails can be the same bytes and yet be two."""
    assert expected is read_mail(raw).anonymous


@pytest.mark.parametrize(
    "value", ["<a b@x.org>", "a@x.org", "<a@x.org> <b@x.org>", "<a@x.org\r\n\tBcc: v@x.org>", "<>"]
)
def test_an_improper_message_id_is_not_kept(value):
    """Nothing that could break a header of the answer is taken over."""
    assert "" == read_mail(a_mail(message_id=value)).message_id


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(a_mail(auto_submitted="auto-replied"), id="auto-submitted"),
        pytest.param(a_mail(list_id="<x>"), id="list"),
        pytest.param(a_mail(precedence="bulk"), id="bulk"),
        pytest.param(a_mail(**{"from": "Mail System <MAILER-DAEMON@x.org>"}), id="postmaster"),
        pytest.param(a_mail(subject="=?utf-8?B?0JDQstGC0L7QvtGC0LLQtdGC?="), id="subject"),
        pytest.param(
            whole(
                parts(
                    'report; report-type="delivery-status"',
                    a_part(PLAIN, READING),
                    a_part("message/delivery-status", "Status: 5.1.1"),
                )
            ),
            id="report",
        ),
        pytest.param(
            whole(parts("mixed", a_part("message/delivery-status", "Status: 5.1.1"))),
            id="a report in disguise",
        ),
    ],
)
def test_automatic_mail(raw):
    """A program's mail is known as such."""
    assert read_mail(raw).automatic


def test_a_report_is_not_read():
    """What comes back undelivered holds somebody's reading, not a new one."""
    report = parts("report", a_part(PLAIN, OLD), a_part("message/rfc822", f"A: b\r\n\r\n{OLD}"))
    assert "Undelivered" == read_mail(whole(report, Subject="Undelivered")).text


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"From: " + b"(" * 500 + b"\r\n\r\n" + READING.encode(), id="brackets"),
        pytest.param(a_mail(to="a@x.org, " * 4000), id="4,000 addresses"),
        pytest.param(a_mail(content_type=PLAIN + "; a=b" * 37_000), id="189 kB of parameters"),
        pytest.param(a_mail(content_type=PLAIN + ';a="\\"' * 30_000), id="quoted parameters"),
        pytest.param(a_mail(x="y" * 1_000_000), id="a header of 1 MB"),
        pytest.param(b"X: y\r\n" * 100_000 + b"\r\n" + READING.encode(), id="100,000 headers"),
        pytest.param(a_mail(subject="=?utf-8?q?" * 20_000), id="half encoded words"),
        pytest.param(a_mail(READING + "\r\n" * 500_000), id="empty lines"),
        pytest.param(a_mail(READING + "\n" + "On 1.1 10:00 a@b\n" * 50_000), id="reply headers"),
        pytest.param(a_mail(READING + "\n" + "From: a\n" * 100_000), id="headers in the text"),
        pytest.param(
            whole(parts("mixed", a_part(PLAIN, READING), *[a_part(PLAIN, "")] * 20_000)),
            id="20,000 parts",
        ),
        pytest.param(
            whole(parts("mixed", a_part(PLAIN, READING), b"--b1x\r\n" * 400_000)),
            id="boundaries that are none",
        ),
    ],
)
def test_hostile_mail_is_read_within_bounds(raw):
    """Of whatever is made to hurt so much is read as a person may write, and the reading is."""
    mail = read_mail(raw)
    assert mail.text.startswith(READING)
    assert len(mail.text) <= LONGEST_TEXT
    assert len(mail.held_back) <= LONGEST_HELD_BACK
    assert len(mail.subject) <= LONGEST_SUBJECT


@pytest.mark.parametrize(
    ("depth", "expected"),
    [pytest.param(20, READING, id="deep"), pytest.param(1000, "", id="too deep")],
)
def test_a_mail_is_read_as_deep_as_is_sensible(depth, expected):
    """A thousand parts inside each other bring nothing down; nobody writes so."""
    level = "Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n"
    raw = "".join(map(level.format, range(depth))) + f"\r\n{READING}"
    assert expected == read_mail(raw.encode()).text


@given(st.binary(max_size=400))
def test_any_bytes_are_a_mail(raw):
    """It never raises, and what it returns can be stored."""
    mail = read_mail(raw)
    assert mail.text.encode() is not None
    assert "\0" not in mail.text + mail.subject


PIECES = [
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b'Content-Type: multipart/alternative; boundary=""\r\n',
    b"Content-Type: text/html; charset=utf-16\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Subject: =?koi8-r?b?8M/L?=\r\n",
    b"Date: Tue, 24 Nov 2026 05:00:00 -0000\r\n",
    *b"\r\n|\n|--b\r\n|--b--\r\n|--b|<p>|<blockquote>|&#1055;|> 1".split(b"|"),
    *b"From: <a@b|\xcf\xee|=D0=BF|=".split(b"|"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join))
def test_any_structure_is_a_mail(raw):
    """Pieces of mails in any order are read as well."""
    mail = read_mail(raw)
    assert mail.text.encode() is not None
    assert mail.date is None or mail.date.tzinfo is not None
