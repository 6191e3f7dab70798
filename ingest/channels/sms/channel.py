"""Takes the texts of one SMS gateway, and says OK once each of them is committed."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import assert_never
from zoneinfo import ZoneInfo

from ingest import clock
from ingest.channels.gateways.catalogue import GATEWAYS
from ingest.channels.gateways.request import Gateway, PolledGateway
from ingest.channels.sms.boxes import BoxSource
from ingest.channels.sms.desk import Desk
from ingest.channels.sms.polling import LONGEST_PAUSE, HttpSource, Poller
from ingest.channels.sms.quota import Quota
from ingest.channels.sms.webhook import Webhook
from ingest.config import Configuration
from ingest.errors import ConfigError, PermanentError, TransientError
from ingest.log import get_logger
from ingest.model import ChannelName
from ingest.ports import ChannelReport, Route, Sinks, TextBox
from ingest.retry import back_off
from ingest.settings import BasicAuth, SecretAuth, SmsSettings

SWEEP_EVERY = 10.0
"""Seconds between two looks for parts that have waited long enough."""

log = get_logger()


class SmsChannel:
    """The texts of one gateway; what they look like is the business of its ``gateway``."""

    def __init__(
        self,
        name: ChannelName,
        settings: SmsSettings,
        config: Configuration,
        sinks: Sinks,
        *,
        now: Callable[[], dt.datetime] = clock.now,
    ) -> None:
        self.name = name
        self.settings = settings
        self.config = config
        self.now = now
        self.gateway = build_gateway(settings, config)
        in_body = answers_in_body(f"channels.{name}", settings, self.gateway)
        quota = Quota(config.settings.replies)
        self.desk = Desk(name, settings, sinks, in_body=in_body, quota=quota)
        self.webhook = Webhook(self.gateway, self.desk, settings, config, now=now)
        self.longest_pause = LONGEST_PAUSE
        self.poller: Poller | None = None
        if isinstance(self.gateway, PolledGateway) and settings.poll.secret is not None:
            source = HttpSource(self.gateway, settings.poll, config)
            self.poller = Poller(name, source, self.desk.take, sinks.bookmarks, now=now)

    def fetch_from(self, box: TextBox) -> None:
        """Fetch from the tables of a program that has a telephone, besides being told."""
        bookmarks = self.desk.sinks.bookmarks
        self.poller = Poller(self.name, BoxSource(box), self.desk.take, bookmarks, now=self.now)

    @property
    def routes(self) -> Sequence[Route]:
        """What the channel answers on the HTTP listener."""
        path = f"/channels/{self.name}"
        paths = [path, f"{path}/reports"]
        if isinstance(self.settings.auth, SecretAuth) and self.settings.auth.path:
            paths += [f"{path}/{{secret}}", f"{path}/{{secret}}/reports"]
        return [
            Route(method, one, self.webhook.handle) for one in paths for method in ("GET", "POST")
        ]

    async def run(self, report: ChannelReport) -> None:
        """Take texts until cancelled, then finish those whose commit is under way."""
        try:
            self.webhook.secret = read_secret(self.settings, self.config)
        except ConfigError as error:
            raise PermanentError(str(error)) from None
        self.desk.report = report
        report.up()
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self.run_sweep(), name=f"parts {self.name}")
                if self.poller is not None:
                    loops.create_task(
                        self.run_poller(self.poller, report), name=f"poll {self.name}"
                    )
        finally:
            self.desk.report = None
            await self.desk.until_settled()

    async def run_sweep(self) -> None:
        """Judge what waited for its parts long enough, again and again until cancelled."""
        while True:
            await self.sweep()
            await asyncio.sleep(min(SWEEP_EVERY, self.settings.parts_wait))

    async def sweep(self) -> None:
        """Judge what waited for its parts long enough; what cannot be done now is done later."""
        try:
            await self.desk.sweep(self.now())
        except TransientError as error:
            log.debug("parts.postponed", channel=self.name, problem=str(error))

    async def run_poller(self, poller: Poller, report: ChannelReport) -> None:
        """Fetch until cancelled; while that fails, more and more rarely."""
        every = self.settings.poll.every
        pauses = back_off(every, max(every, self.longest_pause))
        try:
            while True:
                pause = every
                try:
                    await poller.look(self.settings.poll, report)
                    pauses = back_off(every, max(every, self.longest_pause))
                except TransientError:
                    pause = next(pauses)
                await asyncio.sleep(pause)
        finally:
            await poller.end()


def build_gateway(settings: SmsSettings, config: Configuration) -> Gateway:
    """Return the gateway that the settings describe."""
    zone = ZoneInfo(settings.time_zone) if settings.time_zone else config.zone
    return GATEWAYS[settings.gateway](settings, zone)


def answers_in_body(where: str, settings: SmsSettings, gateway: Gateway) -> bool:
    """Tell whether replies go in the response body; raises ConfigError for what cannot be."""
    match settings.answer:
        case "auto":
            return gateway.answers_in_body
        case "body":
            if not gateway.answers_in_body:
                raise ConfigError(
                    f"{where}.answer: found 'body', wanted 'send' or 'auto': this gateway texts "
                    "no response back"
                )
            return True
        case "send":
            if settings.send is None:
                raise ConfigError(f"{where}.answer: found 'send', wanted [{where}.send] as well")
            return False
        case _:
            assert_never(settings.answer)


def read_secret(settings: SmsSettings, config: Configuration) -> str | None:
    """Return what a request must prove to know; None where addresses are enough."""
    auth = settings.auth
    if auth is None:
        return None
    if isinstance(auth, SecretAuth):
        kept = auth.value
    else:
        kept = auth.password if isinstance(auth, BasicAuth) else auth.key
    secret = config.read_secret(kept)
    if not secret:
        raise ConfigError("a secret is empty: everybody would know it")
    return secret
