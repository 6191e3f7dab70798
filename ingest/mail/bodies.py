"""
Puts the text of a mail together from its parts, and notes what lay beside it and was not read.

What is beside the text is named, not lost: an attached mail, a file, something encrypted. Whether
it matters is for ``asides.py`` to say, once it is known whether the text holds a reading.
"""

from collections.abc import Iterable

from msgspec import Struct

from ingest.mail.alternatives import do_differ
from ingest.mail.armour import is_packed, take_off_armour
from ingest.mail.charsets import decode_text
from ingest.mail.cms import open_signed_data
from ingest.mail.figures import holds_cells, list_accounts, seems_to_hold_account
from ingest.mail.flowed import join_flowed
from ingest.mail.headers import CONTROLS
from ingest.mail.markup import is_beyond_reading, render_html
from ingest.mail.parts import DEEPEST, Cutter, Part
from ingest.mail.quotations import take_off_quotations
from ingest.mail.tnef import read_tnef

MOST_TEXT_BYTES = 1_000_000
"""Of all text parts, still encoded."""
MOST_TEXT_PARTS = 50
MOST_SEALED_BYTES = 8_000_000
"""Of signed mails and winmail.dat, still encoded; their text stands at the beginning."""
LONGEST_TEXT = 200_000
"""Characters; a parser that reads 50,000 need not be given more, but for what is quoted."""
MOST_LINES = 10_000
MOST_UNPACKED_LINES = 20_000
"""Of a text that has to be gone through before it is known what of it is text."""
MOST_ALTERNATIVES = 3
"""That hold an account each; a program writes two."""

MARKUP = frozenset(("text/html", "text/enriched", "text/richtext", "application/xhtml+xml"))
DATA = frozenset(
    (
        "text/calendar",
        "text/css",
        "text/csv",
        "text/directory",
        "text/javascript",
        "text/rfc822-headers",
        "text/rtf",
        "text/tab-separated-values",
        "text/vcard",
        "text/x-amp-html",
        "text/x-vcard",
        "text/xml",
    )
)
"""Text that a program wrote for programs."""
MAILS = frozenset(("message/rfc822", "message/global", "message/news"))
SIGNATURES = frozenset(
    (
        "application/pgp-signature",
        "application/pgp-keys",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
    )
)
SEALED = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
WINMAIL = frozenset(("application/ms-tnef", "application/vnd.ms-tnef"))


class Aside(Struct, frozen=True):
    """Something beside the text of a mail that was not read."""

    label: str
    """What it is, for a person."""
    name: str
    kind: str = ""
    """Its content type."""
    part: Part | None = None
    content: bytes = b""
    """Where it is no part of its own."""
    text: str = ""
    """Where it has been decoded."""

    @property
    def is_attached(self) -> bool:
        """Whether it is a mail or a file of its own."""
        return self.label.startswith("attached")

    @property
    def size(self) -> int:
        """Bytes, as they came."""
        return len(self.content) if self.part is None else self.part.size


class Body:
    """The text of a mail, gathered part by part."""

    def __init__(self, raw: bytes) -> None:
        self._cutter = Cutter()
        self._unread = MOST_TEXT_BYTES
        self._sealed = MOST_SEALED_BYTES
        self._texts = 0
        self.content_types: list[str] = []
        """Of every part of this mail; those of a mail attached to it are not looked at."""
        self.reports: list[Part] = []
        """The parts of delivery and read reports."""
        self.asides: list[Aside] = []
        self.disagreement: list[str] = []
        """Alternatives that hold different readings, without what they quote."""
        self.is_cut = False
        """Whether something that may be text lies beyond what is read."""
        top = self._cutter.open(raw)
        self.headers = top.headers
        text = self._read(top, 0)
        self.text = text if text.strip() else self._take_hidden()
        self.is_cut |= self._cutter.is_exhausted

    @property
    def parts(self) -> int:
        """How many parts were looked at, besides the mail itself."""
        return self._cutter.parts

    def _read(self, part: Part, depth: int) -> str:
        """Return the text of a part; what is none is put aside."""
        self.content_types.append(part.kind)
        if depth > DEEPEST:
            self.is_cut = True
        elif part.kind.startswith("multipart/"):
            return self._read_multipart(part, depth)
        elif part.kind in SEALED or part.name.lower().endswith(".p7m"):
            return self._read_sealed(part, depth)
        elif part.kind in WINMAIL or part.name.lower() == "winmail.dat":
            self._open_winmail(part)
        elif is_text(part, is_alone=depth == 0):
            return self._read_text(part)
        elif part.kind not in SIGNATURES:
            self._put_aside(part)
        return ""

    def _put_aside(self, part: Part) -> None:
        """Note a part that is not the sender's own words."""
        is_mail = part.kind in MAILS or part.name.lower().endswith(".eml")
        label = "attached mail" if is_mail else "attached file"
        self.asides.append(Aside(label, part.name, part.kind, part))

    def _read_multipart(self, part: Part, depth: int) -> str:
        """Return the text of a part in parts, as its type says."""
        kind = part.kind.removeprefix("multipart/")
        if kind == "encrypted":
            self.asides.append(Aside("encrypted", part.kind))
            return ""
        parts = list(self._cutter.cut(part)) or self._cut_packed(part)
        if not parts:
            return "" if self._cutter.is_exhausted else self._read_text(part)
        if kind == "report":
            self.reports.extend(parts)
            self.content_types.extend(one.kind for one in parts)
            return ""
        if kind == "digest":
            self.asides.extend(Aside("attached mail", one.name, "", one) for one in parts)
            return ""
        read = self._read_alternatives if kind == "alternative" else self._join
        return read(kind, parts, depth + 1)

    def _cut_packed(self, part: Part) -> list[Part]:
        """Return the parts of what must not be packed as a whole, and was."""
        if not part.encoding.startswith(("base", "quoted")):
            return []
        # The line end in front is what the first boundary is found by.
        content = b"\n" + self._unseal(part)
        return list(self._cutter.cut(Part(part.headers, content, 1, len(content))))

    def _join(self, kind: str, parts: list[Part], depth: int) -> str:
        """Join the texts of parts; what one mail says twice is said once."""
        if kind == "signed":
            parts = parts[:1]
        # A careless program sends plain text and HTML as if they were two different things.
        written: dict[str, str] = {}
        for place, part in enumerate(parts):
            if kind == "related" and place and written and "content-id" in part.headers:
                self._put_aside(part)
                continue
            text = self._read(part, depth)
            if text.strip():
                written.setdefault("".join(text.split()), text)
        return "\n".join(written.values())

    def _read_alternatives(self, _kind: str, parts: list[Part], depth: int) -> str:
        """Return one of several texts that should say the same: the plain one, if it says it."""
        parts.sort(key=lambda part: part.kind != "text/plain")
        texts = [text for part in parts if (text := self._read(part, depth)).strip()]
        telling = [text for text in texts if seems_to_hold_account(text)]
        figured = telling or [text for text in texts if any(map(str.isdigit, text))]
        chosen = choose_rows(next(iter(figured or texts), ""), telling)
        if any(do_differ(chosen, text) for text in telling[1 : MOST_ALTERNATIVES + 1]):
            own = [take_off_quotations(shorten(text)) for text in telling[:MOST_ALTERNATIVES]]
            if len(telling) > len(own) or any(do_differ(own[0], text) for text in own[1:]):
                self.disagreement += own
        return chosen

    def _read_text(self, part: Part) -> str:
        """Return a text, whatever its encoding and charset."""
        self._texts += 1
        self.is_cut |= part.size > self._unread or self._texts > MOST_TEXT_PARTS
        if self._texts > MOST_TEXT_PARTS:
            return ""
        data = part.unpack(self._unread)
        self._unread -= min(part.size, self._unread)
        text = CONTROLS.sub("", decode_text(data, part.parameters.get("charset", "")))
        if part.kind in MARKUP:
            self.is_cut |= is_beyond_reading(text)
            return render_html(text)
        return self._read_plain(part, text)

    def _read_plain(self, part: Part, text: str) -> str:
        """Return a plain text without what was packed into it and without soft line breaks."""
        delsp = part.parameters.get("delsp", "").lower() == "yes"
        is_flowed = delsp or part.parameters.get("format", "").lower() == "flowed"
        if is_flowed or is_packed(text):
            short = shorten(text, MOST_TEXT_BYTES, MOST_UNPACKED_LINES)
            self.is_cut |= len(short) < len(text)
            text = self._unpack(short)
        return join_flowed(text, delsp=delsp) if is_flowed else text

    def _unpack(self, text: str) -> str:
        """Put aside what was packed into *text*."""
        unpacked = take_off_armour(text)
        self.asides.extend(
            Aside("attached file", file.name, "", None, file.content) for file in unpacked.files
        )
        if unpacked.is_encrypted:
            self.asides.append(Aside("encrypted", "PGP"))
        return unpacked.text

    def _read_sealed(self, part: Part, depth: int) -> str:
        """Return the text of a signed mail; one that is encrypted cannot be read."""
        content = open_signed_data(self._unseal(part))
        if content is None:
            self.asides.append(Aside("encrypted", part.name or part.kind))
            return ""
        inner = self._cutter.open(content)
        # A text that was cut off is no whole text; what follows the text of a longer mail is files.
        self.is_cut |= not self._sealed and not inner.kind.startswith("multipart/")
        return self._read(inner, depth + 1)

    def _open_winmail(self, part: Part) -> None:
        """Put aside what is in a winmail.dat; mostly the text beside it says the same."""
        winmail = read_tnef(self._unseal(part))
        if winmail is None:
            self.asides.append(Aside("attached file", part.name, part.kind, part))
            return
        if text := CONTROLS.sub("", winmail.text).strip():
            self.asides.append(Aside("winmail.dat", "", "text/plain", None, b"", text))
        self.asides.extend(
            Aside("attached file", file.name, "", None, file.content) for file in winmail.files
        )

    def _take_hidden(self) -> str:
        """Return the text of a winmail.dat, where there is no other."""
        found = next((one for one in self.asides if one.label == "winmail.dat"), None)
        return "" if found is None else found.text

    def _unseal(self, part: Part) -> bytes:
        """Return the content of a part that is read from its beginning only."""
        most = self._sealed
        self._sealed -= min(part.size, most)
        return part.unpack(most)


def choose_rows(chosen: str, texts: Iterable[str]) -> str:
    """Return the text whose tables have rows: in plain text Outlook writes cell below cell."""
    if not holds_cells(chosen):
        return chosen
    accounts = list_accounts(chosen)
    rows = (text for text in texts if not holds_cells(text) and list_accounts(text) == accounts)
    return next(rows, chosen)


def is_text(part: Part, *, is_alone: bool) -> bool:
    """Tell whether a part is something written in the mail rather than a file."""
    if part.disposition == "attachment" or part.kind in DATA:
        return False
    if part.kind not in MARKUP and not part.kind.startswith("text/"):
        return part.kind == "application/pgp"
    return is_alone or not part.name


def shorten(text: str, longest: int = LONGEST_TEXT, most_lines: int = MOST_LINES) -> str:
    """Return the beginning of *text*, whole lines: what lines cost adds up."""
    lines = text[:longest].split("\n", most_lines)
    if len(text) <= longest and len(lines) <= most_lines:
        return text
    return "\n".join(lines[:-1])
