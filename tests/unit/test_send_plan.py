"""A gateway's own request, changed by what config.toml says."""

import pytest

from ingest.errors import ConfigError
from ingest.senders.plan import Preset, make_plan
from ingest.settings import Secret, SmsSend

KEY = Secret(env="KEY")
OWN = SmsSend(
    url="https://gateway.example/{account}",
    method="GET",
    fields={"key": "{secret}", "to": "{digits}", "text": "{text}", "dlr": "{report_url}?id={id}"},
    success="^OK",
    permanent="bad",
    idempotent=True,
)
REPORTS = "https://readings.example/channels/sms/reports"


def plan(report_url: str = REPORTS, **given):
    values = {"values": {"account": "7"}, "secret": KEY} | given
    return make_plan(SmsSend(**values), Preset(OWN, report_url))


def test_a_secret_is_enough_for_a_gateway_that_we_know():
    """All the rest comes with it."""
    made = plan()
    assert (OWN.url, "GET", "form", OWN.fields) == (made.url, made.method, made.body, made.fields)
    assert ("^OK", "bad", "", True) == (made.success, made.permanent, made.retry, made.idempotent)


def test_what_is_given_goes_before():
    """Single values replace, fields are put beside the others or in their place."""
    made = plan(
        url="http://10.0.0.7/", method="POST", fields={"to": "{address}", "from": "4981"},
        success="", idempotent=False,
    )  # fmt: skip
    assert ("http://10.0.0.7/", "POST", "", False) == (
        made.url,
        made.method,
        made.success,
        made.idempotent,
    )
    assert OWN.fields | {"to": "{address}", "from": "4981"} == made.fields


def test_an_empty_field_takes_the_gateways_own_away():
    """Whoever wants no delivery reports says so."""
    assert "dlr" not in plan(fields={"dlr": ""}).fields


def test_a_gateway_that_cannot_reach_us_is_asked_for_no_reports():
    """Its own field for them is left out where ``http.public_url`` is not set."""
    assert "dlr" not in plan(report_url="").fields


def test_a_whole_request_stands_for_itself():
    """Whoever gives address, fields and text says all of it: nothing is put beside it."""
    fields = {"to": "{address}", "text": "{text}"}
    made = plan(url="http://10.0.0.7/", fields=fields, values={}, secret=None)
    assert (fields, "POST", "") == (made.fields, made.method, made.success)


def test_a_report_address_may_have_a_query():
    """The secret that a request has to bring stands in it."""
    made = plan(report_url=f"{REPORTS}?key=1")
    assert "{report_url}&id={id}" == made.fields["dlr"]


WRONG = [
    pytest.param(
        {"report_url": "", "fields": {"cb": "{report_url}"}},
        "fields.cb: found {report_url}",
        id="no public address",
    ),
    pytest.param({"values": {}}, "values.account: this key is missing", id="no account"),
    pytest.param({"secret": None}, "secret: this key is missing", id="no secret"),
    pytest.param({"fields": {"text": ""}}, "fields: found none with {text}", id="no text"),
    pytest.param({"fields": {"to": ""}}, "fields: found none with {address}", id="no address"),
    pytest.param(
        {"values": {"account": "7", "text": "x"}}, "values.text: found a value", id="our own name"
    ),
    pytest.param({"headers": {"X": "{adress}"}}, "values.adress: this key is missing", id="slip"),
]


@pytest.mark.parametrize(("given", "expected"), WRONG)
def test_what_cannot_be_sent_is_told_before_the_first_reply(given, expected):
    """The line begins with the key within ``send``."""
    with pytest.raises(ConfigError) as caught:
        plan(**given)
    assert str(caught.value).startswith(expected)


def test_a_gateway_that_we_do_not_know_must_be_told():
    """There is nothing to fall back on."""
    with pytest.raises(ConfigError, match=r"^url: this key is missing"):
        make_plan(SmsSend(fields={"to": "{address}", "text": "{text}"}), Preset())
