"""
Tells what stands beneath a mail without being part of it: signatures, disclaimers, footers.

A signature is full of numbers that are no readings. People also put a reading behind «С уважением»,
so an ending goes only where nothing in it can be meant as one.
"""

import re

from ingest.mail.figures import seems_to_hold_account

SIGNATURE = ("-- ", "--")
WIDEST = 200
"""Characters; a longer line is no farewell."""
FAREWELL = re.compile(
    r"(?:с (?:глубоким |искренним |большим |наилучшим |добрым )?"
    r"(?:уважением|почтением|пожелани[а-я]+|наилучшими)|искренне ваш|всего (?:доброго|хорошего)"
    r"|(?:best |kind |warm )?regards|best wishes|sincerely|yours (?:sincerely|faithfully|truly))\b",
    re.IGNORECASE,
)
NOTICE = re.compile(
    r"""
      (?:данное|настоящее|это)\ (?:электронное\ )?(?:сообщение|письмо)\b.{0,120}
        (?:конфиденциальн|вирус|предназначен|защищено)
    | (?:информация|сведения),?\ (?:содержащ|в\ (?:этом|данном|настоящем)\ (?:сообщении|письме))
    | (?:внимание!?\ )?конфиденциально(?:сть)?\b.{0,60}
    | (?:проверено|защищено)\ .{0,40}(?:вирус|avast|kaspersky|касперск|dr\.?web|nod32|eset)
    | вирусов\ нет\b | без\ вирусов\b | не\ содержит\ вирусов\b
    | (?:confidentiality\ )?(?:notice|disclaimer)\s*: | confidential(?:ity)?\b.{0,60}
    | this\ (?:e-?mail|message|communication)\b.{0,160}
        (?:confidential|privileged|virus|intended|scanned|sent\ to\ you)
    | the\ information\ (?:contained\ )?in\ this\ (?:e-?mail|message)\b.{0,80}
    | no\ virus(?:es)?\ found\b | virus-free\b | checked\ by\ avg\b | scanned\ by\b
    | information\ from\ eset\b
    | (?:please\ )?(?:consider|think\ of)\ the\ environment\b | берегите\ (?:природу|лес)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
REQUISITES = re.compile(
    r"""
      \b(?:инн|кпп|огрн(?:ип)?|окпо|оквэд|октмо|бик|снилс|р/сч?|к/сч?|расч[её]тный\ сч[её]т
        |корр?(?:еспондентский)?\.?\ ?сч[её]т|iban|swift|лицензи[яи]
        |(?:registered|company)[a-z\ ]{0,40}(?:no|number))
      (?:\s{0,3}/\s{0,3}кпп)?\s{0,3}[:№.]{0,2}\s{0,3}[0-9][0-9\ /]{4,26}
    | \b(?:тел|факс|моб|сот|phone|tel|fax|mob)[а-яёa-z]{0,6}\.?\s{0,3}:?\s{0,3}
      \+?(?:[ ()-]{0,3}[0-9]){5,11}(?![0-9])
    | \([0-9]{3,5}\)\ ?[0-9-]{5,9}(?![0-9])
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Numbers of a firm: some have as many digits as an account. Telephones that say so."""
ABOUT_READINGS = re.compile(
    r"показани|сч[её]тчик|лицев|л/с|\bл\.с\b|квт|kwh|\bmeter|\breading", re.IGNORECASE
)
FIGURE = re.compile(r"[0-9]{2}")


def begins_ending(line: str) -> bool:
    """Tell whether an ending begins at *line*, which still has its blanks."""
    if line in SIGNATURE:
        return True
    words = line.strip(" \t\u00a0*_")
    if len(words) <= WIDEST and FAREWELL.match(words):
        return True
    return bool(NOTICE.match(words, 0, 2 * WIDEST))


def may_be_read(ending: str) -> bool:
    """Tell whether something in an ending may be meant as a reading."""
    rest = REQUISITES.sub(" ", ending)
    if seems_to_hold_account(rest):
        return True
    return bool(ABOUT_READINGS.search(rest) and FIGURE.search(rest))
