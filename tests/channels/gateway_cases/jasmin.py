"""What Jasmin's HTTP connector throws: texts and delivery receipts."""

from channels.gateway_case import READING, Case, Taken, Told, a_get, a_post, escaped
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer
from ingest.model import ReportStatus

GATEWAY = "jasmin"
SETTINGS = {}
ID = "16fd2706-8baf-433b-82eb-8c7fada847da"
WHO = f"id={ID}&from=%2B79031234567&to=4981&origin-connector=mts&priority=1"
WHOLE = Taken(sender="+79031234567", text=READING, id=ID, recipient="4981")
CYRILLIC = replace(WHOLE, text="Счёт 5467")
OK = Answer(200, "text/plain", b"ACK/Jasmin")
UCS2 = "Счёт 5467".encode("utf-16-be")
RECEIPT = f"id={ID}&id_smsc=2567&level=2&subdate=2611241159&donedate=2611241200&sub=001&dlvrd=001"


def a_level_2(status: str) -> Case:
    """Return a case of what the telephone's side says."""
    expected = {"DELIVRD": ReportStatus.DELIVERED, "ACCEPTD": ReportStatus.UNDER_WAY}
    return Case(
        label=f"level 2: {status}",
        request=a_post(f"{RECEIPT}&message_status={status}&err=000&text=-"),
        reports=(
            Told(
                status=expected.get(status, ReportStatus.UNDELIVERED),
                upstream_id=ID,
                detail=f"{status} 000",
            ),
        ),
        answer=OK,
    )


CASES = [
    Case(
        label="GET",
        request=a_get(
            f"{WHO}&coding=0&content=123456789012*5467%3B&binary={READING.encode().hex()}"
        ),
        texts=(WHOLE,),
        answer=OK,
    ),
    Case(
        label="POST",
        request=a_post(f"{WHO}&coding=0&content=123456789012*5467%3B"),
        texts=(WHOLE,),
    ),
    Case(
        label="UCS-2 in hex",
        request=a_post(f"{WHO}&coding=8&content=%04&binary={UCS2.hex()}"),
        texts=(CYRILLIC,),
    ),
    Case(
        label="UCS-2 in its bytes",
        request=a_post(f"{WHO}&coding=8&content={escaped('Счёт 5467', 'utf-16-be')}"),
        texts=(CYRILLIC,),
    ),
    Case(
        label="called UCS-2 and recoded to UTF-8 on its way",
        request=a_post(f"{WHO}&coding=8&content={escaped('Счёт 5467')}"),
        texts=(CYRILLIC,),
    ),
    Case(
        label="GSM's own alphabet, with its extension",
        request=a_post(f"{WHO}&coding=0&content=x&binary=311b3c32021b65"),
        texts=(replace(WHOLE, text="1[2$€"),),
    ),
    Case(
        label="Latin 1",
        request=a_post(f"{WHO}&coding=3&content=x&binary=a335"),
        texts=(replace(WHOLE, text="£5"),),
    ),
    Case(
        label="coding 0 from a centre that sends Latin",
        request=a_post(f"{WHO}&coding=0&content=5%A3"),
        texts=(replace(WHOLE, text="5£"),),
    ),
    Case(
        label="hex that is none",
        request=a_post(f"{WHO}&content=5467&binary=5z"),
        texts=(replace(WHOLE, text="5467"),),
    ),
    Case(
        label="lone surrogates and NUL",
        request=a_post(f"{WHO}&coding=8&content=x&binary=d83d0031000000320000"),
        texts=(replace(WHOLE, text="\ufffd1\ufffd2"),),
    ),
    Case(label="empty", request=a_post(f"{WHO}&content="), texts=(replace(WHOLE, text=""),)),
    Case(
        label="level 1: taken by the centre",
        request=a_get(f"id={ID}&level=1&message_status=ESME_ROK"),
        reports=(Told(status=ReportStatus.UNDER_WAY, upstream_id=ID, detail="ESME_ROK"),),
        answer=OK,
    ),
    Case(
        label="level 1: refused by the centre",
        request=a_get(f"id={ID}&level=1&message_status=ESME_RINVDSTADR"),
        reports=(Told(status=ReportStatus.UNDELIVERED, upstream_id=ID, detail="ESME_RINVDSTADR"),),
    ),
    *(a_level_2(status) for status in ("DELIVRD", "ACCEPTD", "UNDELIV", "EXPIRED", "REJECTD")),
    Case(label="no sender", request=a_post(f"id={ID}&content=1"), refused="missing"),
    Case(label="no text", request=a_post(WHO), refused="missing"),
    Case(label="nothing", request=a_post(""), refused="missing"),
]
