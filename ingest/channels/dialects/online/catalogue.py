"""The online protocols that ``dialect.protocol`` can name."""

import datetime as dt
from typing import assert_never

from ingest.channels.dialects.online.citypay import CityPay
from ingest.channels.dialects.online.command_call import CommandCall
from ingest.channels.dialects.online.json_gateway import JsonGateway
from ingest.channels.dialects.online.osmp import Osmp
from ingest.channels.dialects.online.request import OnlineDialect
from ingest.channels.dialects.online.sberbank import Sberbank
from ingest.channels.dialects.online.words import Language
from ingest.settings.online import (
    CityPayDialect,
    CommandCallDialect,
    JsonDialect,
    OsmpDialect,
    SberbankDialect,
    TerminalDialect,
)


def build_dialect(settings: TerminalDialect, zone: dt.tzinfo, language: Language) -> OnlineDialect:
    """Return the protocol that config.toml describes; *zone* is the partner's."""
    match settings:
        case OsmpDialect():
            return Osmp(settings, zone, language)
        case SberbankDialect():
            return Sberbank(settings, zone, language)
        case CityPayDialect():
            return CityPay(settings, zone, language)
        case CommandCallDialect():
            return CommandCall(settings, zone, language)
        case JsonDialect():
            return JsonGateway(settings, zone, language)
        case _:
            assert_never(settings)
