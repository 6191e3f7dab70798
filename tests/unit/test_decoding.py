"""One table of config.toml: a mistake is one line that names the key and what was wanted."""

import pytest
from config_texts import REGISTRY, SEND, SMS, SMTP, WINDOWS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(WINDOWS, "channels: this table is missing", id="no channels"),
        pytest.param(SMS, "windows: this table is missing", id="no windows"),
        pytest.param(
            WINDOWS + SMS + "[servise]\n",
            "servise: unknown table; did you mean 'service'?",
            id="unknown table",
        ),
        pytest.param(
            WINDOWS + SMS + "[x]\n",
            "x: unknown table; known here: channels, database, http, journal, log, mail, replies, "
            "rules, service, windows",
            id="unlike any table",
        ),
        pytest.param(
            "channels = 5\n" + WINDOWS,
            "channels: found 5, wanted tables [channels.NAME]",
            id="channels is no table",
        ),
        pytest.param(
            "windows = []\n" + SMS,
            "windows: found a list, wanted tables [windows.NAME]",
            id="windows is no table",
        ),
        pytest.param(
            WINDOWS + "[channels]\nsms = 5\n",
            "channels.sms: found 5, wanted a table [channels.sms]",
            id="a channel is no table",
        ),
        pytest.param(
            WINDOWS + SMS.replace("channels.sms", "channels.SMS"),
            "channels.SMS: wanted a name of lower-case letters, digits and hyphens",
            id="channel's name",
        ),
        pytest.param(
            WINDOWS + SMS + '[windows."a b"]\ndays = "1..2"\n',
            "windows.a b: wanted a name of lower-case letters, digits and hyphens",
            id="window's name",
        ),
        pytest.param(
            WINDOWS + '[channels.sms]\nwindow = "all-month"\n',
            "channels.sms.type: this key is missing; "
            "wanted one of smtp, sms, registry, imap, terminal, api",
            id="no type",
        ),
        pytest.param(
            WINDOWS + SMS.replace('"sms"', '"smss"'),
            "channels.sms.type: found 'smss', "
            "wanted one of smtp, sms, registry, imap, terminal, api",
            id="unknown type",
        ),
        pytest.param(
            WINDOWS + SMS.replace('"sms"', "[]"),
            "channels.sms.type: found a list, "
            "wanted one of smtp, sms, registry, imap, terminal, api",
            id="type is no text",
        ),
        pytest.param(
            WINDOWS + SMS.replace("window", "windw"),
            "channels.sms.windw: unknown key; did you mean 'window'?",
            id="misspelt key",
        ),
        pytest.param(
            WINDOWS + SMS.replace('window = "all-month"\n', ""),
            "channels.sms.window: this key is missing",
            id="missing key",
        ),
        pytest.param(
            WINDOWS + SMS + "[service]\nport = 5\n",
            "service.port: unknown key; known here: language, state_dir, stop_within, timezone",
            id="unlike any key",
        ),
        pytest.param(
            WINDOWS + "[[windows.all-month.versions]]\nsinc = 2027-01-01\n" + SMS,
            "windows.all-month.versions[0].sinc: unknown key; did you mean 'since'?",
            id="key of a list's table",
        ),
        pytest.param(
            WINDOWS + SMS + 'auth = { kind = "basic", usrname = "a", password = { env = "P" } }\n',
            "channels.sms.auth.usrname: unknown key; did you mean 'username'?",
            id="key of one of several kinds",
        ),
        pytest.param(
            WINDOWS + SMS + 'auth = { kind = "bsic" }\n',
            "channels.sms.auth.kind: found 'bsic', wanted one of secret, basic, hmac, twilio, "
            "plivo, vonage, sms-ru",
            id="kind of a table",
        ),
    ],
)
def test_table_refused(text, expected, list_mistakes):
    """What is misspelt, missing or out of place is named, with what was probably meant."""
    assert [expected] == list_mistakes(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "[service]\ntimezone = 7\n", "service.timezone: found 7, wanted a text", id="text"
        ),
        pytest.param(
            '[database]\nconnections = "6"\n',
            "database.connections: found '6', wanted a whole number",
            id="whole number",
        ),
        pytest.param(
            "[database]\nconnections = 0\n",
            "database.connections: found 0, wanted a whole number >= 1",
            id="too small",
        ),
        pytest.param(
            "[http]\nread_timeout = true\n",
            "http.read_timeout: found true, wanted a number",
            id="number",
        ),
        pytest.param(
            "[http]\nread_timeout = inf\n",
            "http.read_timeout: found inf, wanted a number <= 31536000.0",
            id="infinite",
        ),
        pytest.param(
            "[http]\nread_timeout = nan\n",
            "http.read_timeout: found nan, wanted a number > 0.0",
            id="no number",
        ),
        pytest.param(
            SMTP + 'require_tls = "no"\n',
            "channels.energy.require_tls: found 'no', wanted true or false",
            id="true or false",
        ),
        pytest.param(
            SMTP.replace('["energy@sbit.example"]', '"energy@sbit.example"'),
            "channels.energy.recipients: found a text, wanted a list",
            id="list",
        ),
        pytest.param(
            SMTP.replace('["energy@sbit.example"]', "[]"),
            "channels.energy.recipients: found a list, wanted a list of length >= 1",
            id="empty list",
        ),
        pytest.param(
            SMTP.replace('["energy@sbit.example"]', '["a@b.example", 5]'),
            "channels.energy.recipients[1]: found 5, wanted a text",
            id="item of a list",
        ),
        pytest.param(
            '[log]\nlevel = "loud"\n',
            "log.level: found 'loud', wanted one of debug, error, info, warning",
            id="one of some",
        ),
        pytest.param(
            '[rules.dispositions]\nimplausible = "hod"\n',
            "rules.dispositions.implausible: found 'hod', "
            "wanted one of accept, hold, reject, ignore",
            id="value of a free key",
        ),
        pytest.param(
            REGISTRY.replace("value = 2", "value = 2.5"),
            "channels.citypay.dialect.columns.value: found 2.5, wanted a whole number or a text",
            id="one of two types",
        ),
        pytest.param(
            REGISTRY.replace("value = 2", "valu = 2"),
            "channels.citypay.dialect.columns: found 'valu', "
            "wanted one of account, amount, "
            "paid_at, transaction, value, value_2, value_3, value_4, value_5, value_6",
            id="free key",
        ),
        pytest.param(
            '[[windows.all-month.versions]]\nsince = "soon"\ndays = "1..2"\n',
            "windows.all-month.versions[0].since: found 'soon', wanted a date like 2027-01-01",
            id="date",
        ),
        pytest.param(
            "[windows.other]\ndays = '1..2'\nopen = [2026-12-27T08:00:00]\n",
            "windows.other.open[0]: found 2026-12-27T08:00:00, wanted a date like 2027-01-01",
            id="date with a time",
        ),
        pytest.param(
            REGISTRY + "dialect.delimiter = ';;'\n",
            "channels.citypay.dialect.delimiter: found ';;', wanted a text of length <= 1",
            id="too long",
        ),
        pytest.param(
            SMTP.replace("energy]", "energy2]") + f"listen = [{'1, ' * 30}]\n",
            "channels.energy2.listen: found a list, wanted a text",
            id="long value",
        ),
        pytest.param(
            SMS + f"region = '{'r' * 80}'\n",
            f"channels.sms.region: found '{'r' * 56}..., "
            "wanted a text matching regex '^[A-Z]{2}$'",
            id="shortened",
        ),
    ],
)
def test_value_refused(text, expected, list_mistakes):
    """A value of another type, or beyond its limits, is told with what was wanted."""
    rest = "" if "[channels" in text else SMS
    assert [expected] == list_mistakes(WINDOWS + text + rest)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[database]\npassword = "hunter2"\n', id="password"),
        pytest.param('[database]\nurl = "postgres://me:hunter2@db/ingest"\n', id="database"),
        pytest.param('[database]\nurl = "host=db password=hunter2"\n', id="libpq words"),
        pytest.param('[mail]\nrelay = "smtp://me:hunter2@relay.example"\n', id="relay"),
        pytest.param('[mail]\nrelay = "me:hunter2@relay.example"\n', id="relay without scheme"),
        pytest.param(
            '[mail]\nusername = "me"\npassword = { env = "A", file = "hunter2" }\n', id="two"
        ),
        pytest.param(SMS + 'auth = "hunter2"\n', id="auth"),
        pytest.param(SMS + 'auth = { kind = "secret", value = "hunter2" }\n', id="value"),
        pytest.param(SEND + "headers = ['Authorization: hunter2']\n", id="headers"),
        pytest.param(SEND.replace("https://", "hunter2@"), id="url"),
        pytest.param(SEND + "secret = 'hunter2'\n", id="secret"),
        pytest.param(SEND + "passwrd = 'hunter2'\n", id="unknown key"),
    ],
)
def test_no_message_shows_a_secret(text, list_mistakes):
    """What was written in clear by mistake does not get into logs and tickets as well."""
    rest = "" if "[channels" in text else SMS
    assert "hunter2" not in "\n".join(list_mistakes(WINDOWS + text + rest))


def test_all_tables_are_told_at_once(list_mistakes):
    """One run of ``ingest check`` shows one mistake of each table."""
    text = WINDOWS.replace("days", "dais") + SMS.replace("window", "windw") + "[log]\nlevl = 'x'\n"
    assert [
        "windows.all-month.dais: unknown key; did you mean 'days'?",
        "channels.sms.windw: unknown key; did you mean 'window'?",
        "log.levl: unknown key; did you mean 'level'?",
    ] == list_mistakes(text)
