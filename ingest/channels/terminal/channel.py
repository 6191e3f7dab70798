"""Answers the terminals of one partner, whatever protocol they speak."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from ingest import clock
from ingest.channels.dialects.online.catalogue import build_dialect
from ingest.channels.terminal.desk import Desk
from ingest.channels.terminal.messages import Trust
from ingest.channels.terminal.webhook import Webhook
from ingest.config import Configuration
from ingest.errors import ConfigError, PermanentError
from ingest.model import ChannelName
from ingest.ports import ChannelReport, Route, Sinks
from ingest.settings import CertificateAuth, HashAuth, TerminalSettings


class TerminalChannel:
    """The terminals of one partner; what they say is the business of its dialect."""

    def __init__(
        self,
        name: ChannelName,
        settings: TerminalSettings,
        config: Configuration,
        sinks: Sinks,
        *,
        now: Callable[[], dt.datetime] = clock.now,
    ) -> None:
        self.name = name
        self.settings = settings
        self.config = config
        language = settings.language or config.settings.service.language
        partners = settings.dialect.time_zone
        zone = ZoneInfo(partners) if partners else config.zone
        dialect = build_dialect(settings.dialect, zone, language)
        trust = Trust(
            by_operation=settings.judge_by == "operation",
            for_so_long=dt.timedelta(seconds=settings.trust_operation_for),
            dispositions={**config.settings.rules.dispositions, **settings.dispositions},
        )
        self.desk = Desk(name, settings, sinks, dialect, trust)
        self.webhook = Webhook(dialect, self.desk, settings, config, now=now)

    @property
    def routes(self) -> Sequence[Route]:
        """What the channel answers on the HTTP listener: its address and all that is below."""
        path = f"/channels/{self.name}"
        return [
            Route(method, one, self.webhook.handle)
            for one in (path, f"{path}/{{tail:.*}}")
            for method in ("GET", "POST")
        ]

    async def run(self, report: ChannelReport) -> None:
        """Answer until cancelled, then finish what is under way."""
        try:
            self.webhook.secret = read_secret(self.settings, self.config)
        except ConfigError as error:
            raise PermanentError(str(error)) from None
        self.webhook.report = report
        report.up()
        try:
            await asyncio.Event().wait()
        finally:
            self.webhook.report = None
            await self.webhook.until_settled()


def read_secret(settings: TerminalSettings, config: Configuration) -> str:
    """Return what a request must prove to know; empty where it has to know nothing."""
    auth = settings.auth
    if auth is None or isinstance(auth, CertificateAuth):
        return ""
    return config.read_secret(auth.secret if isinstance(auth, HashAuth) else auth.password)
