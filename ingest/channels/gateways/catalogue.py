"""Every gateway by the name that ``gateway = "…"`` calls it by."""

import datetime as dt
from collections.abc import Callable

from ingest.channels.gateways.android import AndroidGateway
from ingest.channels.gateways.declarative import DeclarativeGateway
from ingest.channels.gateways.exolve import ExolveGateway
from ingest.channels.gateways.gammu import GammuGateway
from ingest.channels.gateways.infobip import InfobipGateway
from ingest.channels.gateways.jasmin import JasminGateway
from ingest.channels.gateways.kannel import KannelGateway
from ingest.channels.gateways.plivo import PlivoGateway
from ingest.channels.gateways.request import Gateway
from ingest.channels.gateways.sinch import SinchGateway
from ingest.channels.gateways.sms_ru import SmsRuGateway
from ingest.channels.gateways.smsc import SmscGateway
from ingest.channels.gateways.twilio import TwilioGateway
from ingest.channels.gateways.vonage import VonageGateway
from ingest.settings import SmsSettings

GATEWAYS: dict[str, Callable[[SmsSettings, dt.tzinfo], Gateway]] = {
    "declarative": DeclarativeGateway,
    "kannel": KannelGateway,
    "twilio": TwilioGateway,
    "infobip": InfobipGateway,
    "vonage": VonageGateway,
    "plivo": PlivoGateway,
    "sinch": SinchGateway,
    "android": AndroidGateway,
    "exolve": ExolveGateway,
    "gammu": GammuGateway,
    "jasmin": JasminGateway,
    "sms-ru": SmsRuGateway,
    "smsc": SmscGateway,
}
