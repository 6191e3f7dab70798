"""Kannel's ``sms-service`` requests and its delivery reports."""

from channels.gateway_case import NOON, READING, REPLY, Case, Taken, Told, a_get, a_post, escaped
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer, Part
from ingest.model import ReportStatus

GATEWAY = "kannel"
SETTINGS = {}
WHO = "from=%2B79031234567&to=4981&id=u-1&time=1795496400"
TEXT = "123456789012*5467%3B"
WHOLE = Taken(sender="+79031234567", text=READING, id="u-1", recipient="4981", sent_at=NOON)
CYRILLIC = replace(WHOLE, text="Счёт 5467")
POSTED = {"X_Kannel_From": "+79031234567", "X_Kannel_To": "4981", "X_Kannel_Time": f"{NOON:%F %T}"}
PLAIN = "text/plain; charset=utf-8"
FIRST = Part("cc", 1, 2)


def a_report(status: object) -> Case:
    """Return a delivery report of a text whose id was ``7K4M-2Q9X-17``."""
    return a_get(f"id=7K4M-2Q9X-17&status={status}&answer=id%3A9+stat%3ADELIVRD&time=1795496400")


def told(status: ReportStatus, detail: str) -> tuple[Told, ...]:
    """Return that report as it must be understood."""
    return (Told(status=status, reply_id="7K4M-2Q9X-17", detail=f"{detail} id:9 stat:DELIVRD"),)


CASES = [
    Case(
        label="get-url",
        request=a_get(f"{WHO}&text={TEXT}&charset=UTF-8"),
        texts=(WHOLE,),
        answer=Answer(200, PLAIN, REPLY.encode(), (("X-Kannel-Coding", "2"),)),
    ),
    Case(
        label="a Latin reply is sent in seven bits",
        request=a_get(f"{WHO}&text={TEXT}"),
        texts=(WHOLE,),
        reply="Accepted",
        answer=Answer(200, PLAIN, b"Accepted", (("X-Kannel-Coding", "0"),)),
    ),
    Case(
        label="no reply is no body at all",
        request=a_get(f"{WHO}&text={TEXT}"),
        texts=(WHOLE,),
        reply="",
        answer=Answer(200, PLAIN, b"", ()),
    ),
    Case(
        label="%q writes 00 as a plus, %p does not",
        request=a_get(f"from=0079031234567&to=4981&text={TEXT}&id=u-1&time=1795496400"),
        texts=(replace(WHOLE, sender="0079031234567"),),
    ),
    Case(
        label="without an id",
        request=a_get(f"from=%2B79031234567&to=4981&text={TEXT}"),
        texts=(replace(WHOLE, id="", sent_at=None),),
    ),
    Case(
        label="UTF-16BE that says so",
        request=a_get(f"{WHO}&text={escaped('Счёт 5467', 'utf-16-be')}&charset=UTF-16BE"),
        texts=(CYRILLIC,),
    ),
    Case(
        label="UTF-16BE by its coding",
        request=a_get(f"{WHO}&text={escaped('Счёт 5467', 'utf-16-be')}&coding=2"),
        texts=(CYRILLIC,),
    ),
    Case(
        label="percent-encoded twice",
        request=a_get(f"{WHO}&text={escaped('Счёт').replace('%', '%25')}%2B5467"),
        texts=(CYRILLIC,),
    ),
    Case(
        label="NUL and half a pair of surrogates",
        request=a_get(f"{WHO}&text=%D8%3D%00%31%00%00%00%32&charset=UTF-16BE"),
        texts=(replace(WHOLE, text="\ufffd1\ufffd2"),),
    ),
    Case(
        label="a stray percent sign stays",
        request=a_get(f"{WHO}&text=5467%+%5&charset=UTF-8"),
        texts=(replace(WHOLE, text="5467% %5"),),
    ),
    Case(
        label="post-url",
        request=a_post(
            "Счёт 5467".encode("utf-16-be"),
            query="id=u-1",
            content_type='text/plain; charset="UTF-16BE"',
            **POSTED,
        ),
        texts=(CYRILLIC,),
    ),
    Case(
        label="a part, when combining is off",
        request=a_get(f"{WHO}&text={TEXT}&udh=%05%00%03%CC%02%01"),
        texts=(replace(WHOLE, part=FIRST),),
    ),
    Case(
        label="a part by post-url",
        request=a_post(
            READING,
            query="id=u-1",
            content_type="text/plain; charset=UTF-8",
            X_Kannel_UDH="%05%00%03%CC%02%01",
            **POSTED,
        ),
        texts=(replace(WHOLE, part=FIRST),),
    ),
    Case(
        label="a header that numbers nothing",
        request=a_get(f"{WHO}&text={TEXT}&udh=%06%05%04%15%8A%00%00"),
        texts=(WHOLE,),
    ),
    Case(
        label="delivered",
        request=a_report(1),
        reports=told(ReportStatus.DELIVERED, "1"),
    ),
    Case(
        label="undelivered",
        request=a_report(2),
        reports=told(ReportStatus.UNDELIVERED, "2"),
    ),
    Case(
        label="buffered",
        request=a_report(4),
        reports=told(ReportStatus.UNDER_WAY, "4"),
    ),
    Case(
        label="taken by the centre",
        request=a_report(8),
        reports=told(ReportStatus.UNDER_WAY, "8"),
    ),
    Case(
        label="refused by the centre",
        request=a_report(16),
        reports=told(ReportStatus.UNDELIVERED, "16"),
    ),
    Case(label="a report without a number", request=a_report("no"), refused="status"),
    Case(label="no text", request=a_get("from=%2B79031234567&to=4981"), refused="missing"),
    Case(label="no sender", request=a_get("text=1"), refused="missing"),
    Case(label="nothing", request=a_get(""), refused="missing"),
    Case(
        label="post-xml",
        request=a_post("<message><submit/></message>", content_type="text/xml"),
        refused="post-xml",
    ),
]
