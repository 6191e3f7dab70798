"""Bookmarks, leases and delivery reports on a real PostgreSQL."""

import datetime as dt

import pytest
from builders import SMALL_CONFIG, a_message

from ingest.bookmarks import BookmarkStore
from ingest.model import Bookmark, DeliveryReport, ReplyTo, ReportStatus
from ingest.reports import ReportStore

CHANNEL = "energy"


async def test_a_bookmark_is_found_as_it_was_saved(store):
    """The latest bookmark of a place is where reading goes on; places do not mix."""
    bookmarks = BookmarkStore(store)
    assert await bookmarks.find_bookmark(CHANNEL, "INBOX") is None

    await bookmarks.save_bookmark(CHANNEL, Bookmark(place="INBOX", epoch=7, position=40))
    later = Bookmark(place="INBOX", epoch=2**32 - 1, position=2**32 - 1, attempts=2)
    await bookmarks.save_bookmark(CHANNEL, later)

    assert later == await bookmarks.find_bookmark(CHANNEL, "INBOX")
    assert await bookmarks.find_bookmark(CHANNEL, "Archive") is None
    assert await bookmarks.find_bookmark("other", "INBOX") is None


async def test_a_lease_belongs_to_one_holder(store):
    """Whoever has a lease renews it; another gets it once it is dropped or has run out."""
    bookmarks = BookmarkStore(store)

    assert await bookmarks.take_lease("mailbox", "one", 60)
    assert await bookmarks.take_lease("mailbox", "one", 60)
    assert not await bookmarks.take_lease("mailbox", "two", 60)
    await bookmarks.drop_lease("mailbox", "two")
    assert not await bookmarks.take_lease("mailbox", "two", 60)
    await bookmarks.drop_lease("mailbox", "one")
    assert await bookmarks.take_lease("mailbox", "two", 0)
    assert await bookmarks.take_lease("mailbox", "three", 60)


@pytest.mark.parametrize("known_by", ["number", "upstream id"])
async def test_a_report_is_kept_with_its_reply(store, open_intake, a_config, known_by):
    """A report finds its reply by our number or the upstream's id; a second copy adds nothing."""
    sinks = await open_intake(a_config(SMALL_CONFIG))
    message = a_message(text="123456789012*5467;", reply_to=ReplyTo("one@example.org"))
    await sinks.receive(message)
    [row] = await store.fetch("claim_replies", message.channel, 1, dt.timedelta(seconds=30))
    await store.fetch("settle_reply", row["id"], 1, "sent", dt.timedelta(0), "", "upstream-1")
    report = DeliveryReport(
        channel=message.channel,
        status=ReportStatus.UNDELIVERED,
        detail="550 no such user",
        reply_id=row["id"] if known_by == "number" else 0,
        upstream_id="" if known_by == "number" else "upstream-1",
    )
    reports = ReportStore(store)

    assert [True, True] == [await reports.record_report(report) for _ in range(2)]
    kept = await store.fetch("list_reports", row["message_id"])
    assert [("undelivered", "550 no such user")] == [(one["status"], one["detail"]) for one in kept]


async def test_a_report_on_nothing_of_ours_is_not_kept(store):
    """A report that names no reply of the channel says so, and leaves no trace."""
    stranger = DeliveryReport(channel=CHANNEL, status=ReportStatus.DELIVERED, detail="")
    assert not await ReportStore(store).record_report(stranger)
