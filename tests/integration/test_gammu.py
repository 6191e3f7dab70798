"""gammu-smsd's tables beside our own: texts in, answers out, and what became of them."""

import asyncio
import datetime as dt
from pathlib import Path

import asyncpg
import pytest
from builders import OPEN_AT, SMALL_CONFIG
from conftest import stop
from harness import until
from sms_bench import gather_sinks

from ingest.building import build_channel, build_paces, build_way_out
from ingest.channels.gateways.request import Handover
from ingest.channels.sms.boxes import BoxSource
from ingest.errors import ConfigError, PermanentError
from ingest.gammu import GammuBox
from ingest.model import (
    Acknowledgement,
    BoxedReply,
    ChannelName,
    Delivery,
    DeliveryState,
    Reason,
    ReplyTo,
    ReportStatus,
)
from ingest.outbox import Outbox
from ingest.senders.gammu import GammuSender, split_text

SCHEMA = (Path(__file__).parents[1] / "data" / "gammu.sql").read_text("utf-8")
SMS = ChannelName("sms")
ZONE = dt.timezone(dt.timedelta(hours=7))
CONFIG = SMALL_CONFIG.replace(
    'gateway = "kannel"',
    'gateway = "gammu"\ntime_zone = "Asia/Krasnoyarsk"\n[channels.sms.database]\nurl = "{url}"',
)
READING = "123456789012*5467;"
LONG = "Показания не приняты: приём закрыт до 6 числа. " * 3


@pytest.fixture
async def smsd(database_url):
    """A connection to smsd's tables, in a schema of their own in our very database."""
    connection = await asyncpg.connect(f"{database_url}&search_path=gammu")
    await connection.execute("CREATE SCHEMA gammu")
    await connection.execute(SCHEMA)
    yield connection
    await connection.close()


@pytest.fixture
def url(database_url, smsd):
    """Where the box finds those tables, and not ours of the same name."""
    return f"{database_url}&search_path=gammu"


@pytest.fixture
async def box(url):
    """The tables as our side sees them."""
    opened = GammuBox(url, "", ZONE)
    yield opened
    await opened.aclose()


async def receive(smsd, text=READING, *, header="", decoded=None, coding="Unicode_No_Compression"):
    """Put a row into the inbox, as smsd does; *decoded* is what it writes beside the bytes."""
    await smsd.execute(
        'INSERT INTO inbox ("Text", "SenderNumber", "Coding", "UDH", "TextDecoded", "RecipientID",'
        ' "ReceivingDateTime") VALUES ($1, $2, $3, $4, $5, $6, $7)',
        text.encode("utf-16-be").hex().upper(),
        "+79031234567",
        coding,
        header,
        text if decoded is None else decoded,
        "modem",
        dt.datetime(2026, 11, 24, 12, 0),  # noqa: DTZ001 -- as smsd writes it
    )


def a_reply(body="Принято, код 7K4M-2Q9X", address="+79031234567", number=17):
    return Acknowledgement(
        id=number,
        channel=SMS,
        receipt="7K4M-2Q9X",
        reason=Reason.ACCEPTED,
        reply_to=ReplyTo(address),
        body=body,
        attempts=0,
        created_at=OPEN_AT,
    )


async def test_texts_are_listed_until_they_are_marked(smsd, box):
    """What is marked is not listed again; what smsd's clock says is a moment."""
    await receive(smsd)
    await receive(smsd, "Счёт")
    first, second = await box.list_inbox(10)
    await box.mark_inbox([first.id])

    assert (READING, "+79031234567", "modem") == (first.text, first.sender, first.recipient)
    assert dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC) == first.received_at
    assert [second] == await box.list_inbox(10)


async def test_a_source_hands_over_parts_and_bytes(smsd, box):
    """A row of a long text is a part; a row that smsd did not decode is read from its bytes."""
    await receive(smsd, "Счёт ", header="050003CC0201", decoded="Счёт 5467")
    await receive(smsd, "5467", header="050003CC0202", decoded="")
    await receive(smsd, "5467", decoded="", coding="Default_No_Compression")
    await smsd.execute(
        'INSERT INTO inbox ("Text", "SenderNumber", "Coding", "UDH", "RecipientID")'
        " VALUES ('35343637', '+79031234567', '8bit', '', 'modem')"
    )
    source = BoxSource(box)
    fetched = await source.fetch(0, OPEN_AT)
    parts = [
        text.part and (text.part.reference, text.part.number) for text in fetched.handover.texts
    ]
    await source.settle(fetched)

    assert [("cc", 1), ("cc", 2), None, None] == parts
    assert ["Счёт ", "5467", "5467", "5467"] == [text.text for text in fetched.handover.texts]
    assert Handover() == (await source.fetch(0, OPEN_AT)).handover


@pytest.mark.parametrize(
    ("body", "coding", "count"),
    [
        pytest.param("Принято, код 7K4M-2Q9X", "Unicode_No_Compression", 1, id="Cyrillic"),
        pytest.param("Accepted, code 7K4M-2Q9X [5467]", "Default_No_Compression", 1, id="Latin"),
        pytest.param(LONG, "Unicode_No_Compression", 3, id="in parts"),
    ],
)
async def test_a_reply_is_in_the_outbox_once(smsd, box, body, coding, count):
    """However often it is tried, smsd is given one text, whole or in numbered parts."""
    sender = GammuSender(SMS, box, "RU")
    deliveries = [await sender.send(a_reply(body)) for _ in range(2)]
    [row] = await smsd.fetch("SELECT * FROM outbox")
    rest = await smsd.fetch('SELECT * FROM outbox_multipart ORDER BY "SequencePosition"')

    assert [Delivery(DeliveryState.SENT, "put into the outbox of smsd", str(row["ID"]))] * 2 == (
        deliveries
    )
    assert ("ingest:7K4M-2Q9X-17", "+79031234567", coding, "yes", count > 1) == tuple(
        row[name]
        for name in ("CreatorID", "DestinationNumber", "Coding", "DeliveryReport", "MultiPart")
    )
    assert body.strip() == "".join(one["TextDecoded"] for one in (row, *rest)).strip()
    assert count == 1 + len(rest)
    headers = [f"05000311{count:02X}{number:02X}" for number in range(1, count + 1)]
    assert (headers if count > 1 else [None]) == [one["UDH"] for one in (row, *rest)]


async def test_a_reply_is_written_in_latin_letters_where_that_is_wanted(smsd, box):
    """One SMS in the place of two; digits and receipts stay as they are."""
    await GammuSender(SMS, box, "RU", latin=True).send(a_reply("Принято: 5467, код 7K4M-2Q9X"))
    [row] = await smsd.fetch("SELECT * FROM outbox")
    expected = ("Default_No_Compression", "Prinyato: 5467, kod 7K4M-2Q9X")
    assert expected == (row["Coding"], row["TextDecoded"])


PACED = 'transliterate = true\nper_second = 2\nquiet_hours = "00:00-23:59"\n'


async def test_smsds_tables_have_a_pace_too(a_config, url):
    """The telephone takes so many a minute, and wakes nobody."""
    config = a_config(CONFIG.replace('url = "{url}"\n', f'url = "{url}"\n{PACED}'))
    sender = build_way_out(SMS, config.channels["sms"], config)
    paces = build_paces(config)
    await sender.aclose()
    assert (2, True) == (paces.find_room(SMS, 9), sender.latin)


async def test_smsd_is_to_send_at_once(smsd, box):
    """A row is due whatever the zone of smsd's clock: it compares with its own."""
    await GammuSender(SMS, box, "RU").send(a_reply())
    [row] = await smsd.fetch(
        "SELECT \"SendingDateTime\" < localtimestamp - interval '14 hours' AS is_due FROM outbox"
    )
    assert row["is_due"]


async def test_what_was_sent_already_is_not_sent_again(smsd, box):
    """smsd has moved the text to sentitems: a repeated attempt finds it there."""
    await smsd.execute(
        'INSERT INTO sentitems ("ID", "CreatorID") VALUES (5, \'ingest:7K4M-2Q9X-17\')'
    )
    delivery = await GammuSender(SMS, box, "RU").send(a_reply())
    assert (DeliveryState.SENT, "5") == (delivery.state, delivery.upstream_id)
    assert [] == await smsd.fetch("SELECT * FROM outbox")


@pytest.mark.parametrize(
    ("address", "state"),
    [
        pytest.param("MegaFon", DeliveryState.FAILED, id="a name"),
        pytest.param("900", DeliveryState.FAILED, id="a short code"),
        pytest.param("8 (903) 123-45-67 ", DeliveryState.SENT, id="a number as people write it"),
    ],
)
async def test_only_a_person_is_answered(box, address, state):
    """No robot is answered."""
    delivery = await GammuSender(SMS, box, "RU").send(a_reply(address=address))
    assert state is delivery.state


async def test_a_reply_that_does_not_fit_is_final(box):
    """What no column can hold is given up; it would never go in."""
    text = BoxedReply(
        reply_id="1", address="+7" * 20, parts=("1",), headers=("",), is_unicode=False
    )
    with pytest.raises(PermanentError):
        await box.send_text(text)


async def test_fates_become_reports(smsd, box):
    """Each status of ours is told once, whatever other programs send through the same smsd."""
    for number, (creator, status, error) in enumerate(
        [
            ("ingest:7K4M-2Q9X-17", "SendingOK", -1),
            ("ingest:7K4M-2Q9X-18", "DeliveryOK", -1),
            ("ingest:7K4M-2Q9X-19", "SendingError", 38),
            ("another", "DeliveryOK", -1),
        ],
        start=1,
    ):
        await smsd.execute(
            'INSERT INTO sentitems ("ID", "CreatorID", "Status", "StatusError") VALUES'
            " ($1, $2, $3, $4)",
            number,
            creator,
            status,
            error,
        )
    source = BoxSource(box)
    fetched = await source.fetch(0, OPEN_AT)
    await source.settle(fetched)

    assert [
        (ReportStatus.UNDER_WAY, "7K4M-2Q9X-17", "1", "SendingOK (part 1)"),
        (ReportStatus.DELIVERED, "7K4M-2Q9X-18", "2", "DeliveryOK (part 1)"),
        (ReportStatus.UNDELIVERED, "7K4M-2Q9X-19", "3", "SendingError error 38 (part 1)"),
    ] == [
        (report.status, report.reply_id, report.upstream_id, report.detail)
        for report in fetched.handover.reports
    ]
    assert () == (await source.fetch(fetched.position, OPEN_AT)).handover.reports


async def test_a_refused_text_is_reported_from_the_outbox(smsd, box):
    """What smsd gives up stays in its outbox."""
    await GammuSender(SMS, box, "RU").send(a_reply())
    await smsd.execute('UPDATE outbox SET "Status" = \'Error\', "StatusCode" = 69')
    [fate] = await box.list_fates(0, 10)
    assert ("7K4M-2Q9X-17", "Error", 69) == (fate.reply_id, fate.status, fate.error)


async def test_another_database_is_named_when_it_refuses(database_url):
    """Where there is no such database, a person has to change the configuration."""
    wrong = GammuBox(database_url.replace("/test_", "/none_"), "", ZONE)
    with pytest.raises(ConfigError):
        await wrong.list_inbox(1)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        pytest.param("x" * 160, [160], id="one of GSM"),
        pytest.param("x" * 161, [153, 8], id="two of GSM"),
        pytest.param("€" * 81, [76, 5], id="an escape is not torn off"),
        pytest.param("я" * 70, [70], id="one of UCS-2"),
        pytest.param("я" * 71, [67, 4], id="two of UCS-2"),
        pytest.param("😀" * 36, [33, 3], id="a pair is not torn"),
        pytest.param("", [0], id="nothing"),
    ],
)
def test_a_text_is_cut_where_an_sms_ends(text, lengths):
    """Parts hold as much as an SMS with a header does, and together the whole text."""
    parts = split_text(text)
    assert lengths == [len(part) for part in parts]
    assert text == "".join(parts)


class Report:
    """Listens to how a channel fares."""

    def __init__(self):
        self.told = []

    def up(self):
        self.told.append("up")

    def progressed(self):
        self.told.append("progressed")

    def lost(self, problem):
        self.told.append(problem)

    def refused(self, problem):
        self.told.append(problem)


@pytest.fixture
async def desk(url, store, open_intake, a_config):
    """The channel of smsd, and the outbox that answers through it."""
    config = a_config(CONFIG.replace("{url}", url))
    given = await open_intake(config)
    sinks = gather_sinks(given)
    settings = config.channels["sms"]
    channel = build_channel(SMS, settings, config, sinks)
    channel.poller.now = lambda: OPEN_AT
    sender = build_way_out(SMS, settings, config)
    outbox = Outbox(store, {SMS: sender}, config.settings.replies)
    task = asyncio.create_task(outbox.run())

    async def look():
        await channel.poller.look(settings.poll, Report())
        outbox.wake()

    yield look
    await stop(task)
    await sender.aclose()
    await channel.poller.end()


async def test_a_text_is_judged_once_and_answered_by_smsd(smsd, desk):
    """From smsd's inbox to its outbox, a long text in parts too; each judged and answered once."""
    await receive(smsd)
    await receive(smsd, "123456789013", header="050003CC0201", decoded="123456789013*77;")
    await receive(smsd, "*77;", header="050003CC0202", decoded="")
    for _ in range(2):
        await desk()

    async def list_answers():
        rows = await smsd.fetch('SELECT "DestinationNumber" AS number FROM outbox')
        return len(rows) == 2 and {row["number"] for row in rows}

    assert {"+79031234567"} == await until(list_answers)
    assert [] == await smsd.fetch('SELECT * FROM inbox WHERE NOT "Processed"')
    texts = await smsd.fetch("SELECT text FROM public.messages ORDER BY id")
    assert [READING, "123456789013*77;"] == sorted((row["text"] for row in texts), key=len)[::-1]
