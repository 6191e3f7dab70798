"""The retailer's mailbox in Dovecot, and what a test does to it and finds in it."""

import email
import email.policy
import itertools

from harness import ANSWER_WITHIN, a_mail, until
from ledger import fetch
from system.configs import HEAD, MAILBOX

OURS, CUSTOMER = "energy", "ivanov"
PROCESSED, REVIEW = "processed", "review"


COUNTS = """
SELECT (SELECT count(*) FROM messages) AS judged,
    (SELECT count(*) FROM outbox WHERE state = 'sent') AS answered
"""


class Mailbox:
    """What a test does to the mailbox, and what it finds in it afterwards."""

    def __init__(self, dovecot, url, town):
        self.dovecot = dovecot
        self.url = url
        self.town = town
        self.numbers = itertools.count(1)
        self.written = set()
        """Message-IDs of the mails that hold a reading."""

    def configure(self, security="none"):
        """Return the daemon's configuration."""
        port = self.dovecot.imaps_port if security == "tls" else self.dovecot.imap_port
        lines = [f'security = "{security}"', f"port = {port}"]
        if security != "none":
            lines.append(f'ca_file = "{self.dovecot.folder}/localhost.pem"')
        return HEAD + MAILBOX + "\n".join(lines)

    async def write(self, count=1):
        """Let the customer's mails arrive, each with a reading of its own."""
        mails = []
        for number in itertools.islice(self.numbers, count):
            message_id = f"<{number}@example.com>"
            mails.append(a_mail(f"{number:012}*{number};", f"{CUSTOMER}@example.com", message_id))
            self.written.add(message_id)
        await self.dovecot.deliver(OURS, *mails)

    async def until_done(self, within=ANSWER_WITHIN):
        """Wait until each mail is judged, answered, and out of the way."""
        wanted = len(self.written)
        expected = dict.fromkeys(("judged", "answered", "processed"), wanted) | {"waiting": 0}
        found = {}

        async def is_done():
            found.update(await self.count())
            return expected == found

        try:
            await until(is_done, within)
        except TimeoutError:
            assert expected == found, found

    async def count(self):
        """Return how many mails are in which state."""
        [row] = await fetch(self.url, COUNTS)
        waiting = await self.dovecot.list_mails(OURS)
        processed = await self.dovecot.list_mails(OURS, PROCESSED)
        return dict(row) | {"waiting": len(waiting), "processed": len(processed)}

    async def check(self, *, copies=False):
        """
        Each mail was judged once, counts, is answered once, and lies where it belongs.

        With *copies* a letter may have gone out twice, if both are the same by their Message-ID.
        """
        await self.until_done()
        rows = await fetch(self.url, "SELECT account FROM readings WHERE counts ORDER BY account")
        expected = sorted(one.partition("@")[0][1:].zfill(12) for one in self.written)
        assert expected == [row["account"] for row in rows]
        letters = [(one["Message-ID"], one["In-Reply-To"]) for one in self.replies]
        letters = set(letters) if copies else letters
        assert sorted(self.written) == sorted(answered for _, answered in letters), letters
        assert sorted(self.written) == sorted(
            one["Message-ID"] for one in await self.read(OURS, PROCESSED)
        )

    @property
    def replies(self):
        """What the relay got for the customer, parsed."""
        return parse(content for _, content in self.town.mails)

    async def read(self, user, folder="INBOX"):
        """Return the mails of a folder, parsed."""
        return parse(await self.dovecot.list_mails(user, folder))

    async def administer(self, command, *arguments):
        """Do something to our mailbox as its other readers do."""
        return await self.dovecot.doveadm(*command.split(), "-u", OURS, *arguments)


def parse(mails):
    """Return mails as a mail program sees them."""
    return [email.message_from_bytes(one, policy=email.policy.default) for one in mails]
