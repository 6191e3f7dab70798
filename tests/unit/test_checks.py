"""What the tables of config.toml must be to each other, one exact line for every mistake."""

import pytest
from config_texts import FORM, REGISTRY, SEND, SMS, SMTP, WINDOWS

GAMMU = '[channels.sms]\ntype = "sms"\nwindow = "all-month"\ngateway = "gammu"\n'
POLLED = (
    GAMMU.replace("gammu", "smsc")
    + 'send = { secret = { env = "P" } }\npoll = { secret = { env = "P" } }\n'
)

HMAC = 'auth = { kind = "hmac", key = { env = "S" }, header = "X" }\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            '[service]\ntimezone = "Krasnoyarsk"\n',
            "service.timezone: found 'Krasnoyarsk', wanted an IANA name like Asia/Krasnoyarsk",
            id="time zone",
        ),
        pytest.param(
            '[service]\ntimezone = "Asia"\n',
            "service.timezone: found 'Asia', wanted an IANA name like Asia/Krasnoyarsk",
            id="part of a time zone",
        ),
        pytest.param(
            '[service]\nstate_dir = ""\n',
            "service.state_dir: found '', wanted a text of length >= 1",
            id="state_dir",
        ),
        pytest.param(
            '[windows.late]\ndays = "30..31"\n',
            "windows.late.days: found '30..31', wanted an open day in every month; "
            "one of 28 days has none",
            id="span",
        ),
        pytest.param(
            '[windows.x]\ndays = "1..2"\nopen = [2027-01-02]\nclosed = [2027-01-02]\n',
            "windows.x.closed: found 2027-01-02, which stands in open as well",
            id="open and closed",
        ),
        pytest.param(
            '[database]\nurl = "postgres://me@db/ingest"\n',
            "database.url: found 'postgres://...', "
            "wanted 'embedded' or 'postgresql://USER@HOST/DATABASE'",
            id="database's scheme",
        ),
        pytest.param(
            '[database]\nurl = "embeded"\n',
            "database.url: found 'embeded', wanted 'embedded' or 'postgresql://USER@HOST/DATABASE'",
            id="database's word",
        ),
        pytest.param(
            '[database]\nurl = "postgresql://db:54x2/ingest"\n',
            "database.url: found 'postgresql://...', "
            "wanted 'embedded' or 'postgresql://USER@HOST/DATABASE'",
            id="database's port",
        ),
        pytest.param(
            '[http]\nlisten = "8080"\n',
            "http.listen: found '8080', wanted host:port or unix:PATH",
            id="listener",
        ),
        pytest.param(
            '[http]\ninternal = "127.0.0.1:8080"\n',
            "http.internal: found '127.0.0.1:8080', which http.listen has already",
            id="one listener twice",
        ),
        pytest.param(
            '[http]\ninternal = "0.0.0.0:8080"\n',
            "http.internal: found '0.0.0.0:8080', which http.listen has already",
            id="every address has it",
        ),
        pytest.param(
            '[http]\nlisten = "unix:a"\ninternal = "unix:./a"\n',
            "http.internal: found 'unix:./a', which http.listen has already",
            id="one socket twice",
        ),
        pytest.param(
            '[http]\ntrusted_proxies = ["10.0.0.1/8"]\n',
            "http.trusted_proxies: found 10.0.0.1/8 has host bits set, "
            "wanted an address or a network like 10.0.0.0/8",
            id="network",
        ),
        pytest.param(
            '[mail]\nrelay = "relay.example:25"\n',
            "mail.relay: found 'relay.example:...', wanted smtp://HOST:PORT, smtps://HOST:PORT, "
            "smtp+starttls://HOST:PORT or directory:PATH",
            id="relay without scheme",
        ),
        pytest.param(
            '[mail]\nrelay = "smtp://"\n',
            "mail.relay: found 'smtp://...', wanted smtp://HOST:PORT, smtps://HOST:PORT, "
            "smtp+starttls://HOST:PORT or directory:PATH",
            id="relay without host",
        ),
        pytest.param(
            '[mail]\nrelay = "directory:"\n',
            "mail.relay: found 'directory:', wanted a folder after it",
            id="relay without folder",
        ),
        pytest.param(
            '[mail]\nrelay = "smtps://me@relay.example"\n',
            "mail.relay: found a user in it, wanted mail.username and mail.password instead",
            id="relay with a user",
        ),
        pytest.param(
            '[mail]\nrelay = "smtps://relay.example"\nusername = "me"\n',
            "mail.username: found without mail.password or the other way round, wanted both",
            id="user without password",
        ),
        pytest.param(
            '[mail]\nrelay = "smtp://relay.example"\nusername = "me"\npassword = { env = "P" }\n',
            "mail.relay: found smtp:// with a password, wanted smtps:// or smtp+starttls://",
            id="password in clear",
        ),
        pytest.param(
            '[rules.dispositions]\naccount_unknown = "ignore"\n',
            "rules.dispositions.account_unknown: found 'ignore', "
            "wanted an answer for the sender: accept, hold or reject",
            id="sender without answer",
        ),
        pytest.param(
            '[rules.dispositions]\nreading_malformed = "accept"\n',
            "rules.dispositions.reading_malformed: found 'accept', "
            "wanted hold or reject: no reading is sure here",
            id="accepted without reading",
        ),
        pytest.param(
            '[rules.dispositions]\nwindow_closed = "hold"\n',
            "rules.dispositions.window_closed: wanted late in [windows.NAME] instead",
            id="late said elsewhere",
        ),
    ],
)
def test_service_refused(text, expected, list_mistakes):
    """What the tables beside the channels cannot be is told."""
    assert [expected] == list_mistakes(WINDOWS + text + SMS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            SMS.replace("all-month", "al-month"),
            "channels.sms.window: found 'al-month', wanted one of all-month",
            id="unknown window",
        ),
        pytest.param(
            SMS.replace("all-month", "x") + "enabled = false\n",
            "channels.sms.window: found 'x', wanted one of all-month",
            id="unknown window of a disabled channel",
        ),
        pytest.param(
            '[channels.cabinet]\ntype = "api"\nwindow = "all-month"\n',
            "channels.cabinet.enabled: found true, but this version cannot run channels of type "
            "'api'; set enabled = false",
            id="api",
        ),
        pytest.param(
            SMTP + "journal = true\n",
            "channels.energy.journal: found true, wanted false: what is refused while PostgreSQL "
            "is away, senders to a channel of type 'smtp' send again by themselves",
            id="journal of mail",
        ),
        pytest.param(
            SMS + "journal = true\n",
            "channels.sms.send: this table is missing, and journal = true wants it: the verdict on "
            "what was kept on disk comes later and has to be sent",
            id="journal without a way back",
        ),
        pytest.param(
            SMS + '[channels.sms.dispositions]\nimplausible = "ignore"\n',
            "channels.sms.dispositions.implausible: found 'ignore', "
            "wanted an answer for the sender: accept, hold or reject",
            id="disposition",
        ),
        pytest.param(
            SMTP + 'listen = "127.0.0.1:8080"\n',
            "channels.energy.listen: found '127.0.0.1:8080', which http.listen has already",
            id="port of another",
        ),
        pytest.param(
            SMTP + SMTP.replace("energy]", "second]"),
            "channels.second.listen: found '127.0.0.1:2525', "
            "which channels.energy.listen has already",
            id="two channels on one port",
        ),
        pytest.param(
            SMTP + 'listen = "localhost"\n',
            "channels.energy.listen: found 'localhost', wanted host:port or unix:PATH",
            id="listener",
        ),
        pytest.param(
            SMTP + 'listen = "0.0.0.0:25"\n',
            "channels.energy.allow_from: 0.0.0.0:25 can be reached from outside; "
            "name the networks that may connect, or listen on 127.0.0.1",
            id="open to the world",
        ),
        pytest.param(
            SMTP + 'allow_from = ["everybody"]\n',
            "channels.energy.allow_from: found 'everybody' does not appear to be an IPv4 or IPv6 "
            "network, wanted an address or a network like 10.0.0.0/8",
            id="network",
        ),
        pytest.param(
            SMTP.replace("energy@", "Energy@"),
            "channels.energy.recipients[0]: found 'Energy@sbit.example', "
            "wanted an address like energy@example.org, in lower case",
            id="recipient in capitals",
        ),
        pytest.param(
            SMTP.replace("energy@", ""),
            "channels.energy.recipients[0]: found 'sbit.example', "
            "wanted an address like energy@example.org, in lower case",
            id="recipient",
        ),
        pytest.param(
            SMTP + "require_tls = true\n",
            "channels.energy.require_tls: found true, wanted [channels.energy.tls] with it",
            id="TLS without certificate",
        ),
        pytest.param(
            SMTP + 'partners = ["partner.example"]\n',
            "channels.energy.partners[0]: found 'partner.example', "
            "wanted an address like list@partner.example",
            id="a partner without an address",
        ),
        pytest.param(
            SMTP + 'authentication.trusted = ["mx.sbit.example", "mx sbit"]\n',
            "channels.energy.authentication.trusted[1]: found 'mx sbit', wanted the name with "
            "which a mail server of ours signs its results, like mx.example.org, *.example.org, "
            "or - for one without a name",
            id="a trusted server without a name",
        ),
        pytest.param(
            SMTP + "authentication.trusted = []\n",
            "channels.energy.authentication.trusted: found a list, wanted a list of length >= 1",
            id="no trusted server",
        ),
        pytest.param(
            SMTP + 'authentication = { trusted = ["-"], on_failure = "ignore" }\n',
            "channels.energy.authentication.on_failure: found 'ignore', "
            "wanted one of hold, judge, no-reply, reject",
            id="an unknown policy",
        ),
        pytest.param(
            SMS + '[http]\nlisten = "0.0.0.0:8080"\n',
            "channels.sms.auth: this table is missing, and http.listen can be reached from "
            "outside; give [channels.sms.auth] or allow_from, or let http.listen be on 127.0.0.1",
            id="webhook open to the world",
        ),
        pytest.param(
            SMS.replace('gateway = "kannel"\n', 'ack = { body = "{reply}" }\n'),
            "channels.sms.fields: this table is missing; gateway = 'declarative' needs it",
            id="gateway without fields",
        ),
        pytest.param(
            FORM.replace("{reply}", "OK"),
            "channels.sms.send: this table is missing, and ack.body has no {reply}; "
            "one of them must carry the answer to the sender",
            id="gateway without answer",
        ),
        pytest.param(
            SMS.replace("kannel", "vonage"),
            "channels.sms.send: this table is missing, and vonage texts no response back; "
            "it must carry the answer to the sender",
            id="a gateway that we know without answer",
        ),
        pytest.param(
            FORM + 'charset = "utf-9"\n',
            "channels.sms.charset: found 'utf-9', wanted an encoding like 'utf-8'",
            id="charset",
        ),
        pytest.param(
            FORM + 'time_format = "unix"\n',
            "channels.sms.time_format: found 'unix', "
            "wanted iso, epoch, epoch-ms or a format like '%d.%m.%Y %H:%M:%S'",
            id="time format",
        ),
        pytest.param(
            FORM + 'time_zone = "MSK"\n',
            "channels.sms.time_zone: found 'MSK', wanted an IANA name like Asia/Krasnoyarsk",
            id="time zone",
        ),
        pytest.param(
            SEND.replace('ack = { body = "{reply}" }', 'batch = "results"'),
            "channels.sms.batch: found 'results', wanted body = 'json' with it",
            id="batch in a form",
        ),
        pytest.param(
            FORM + 'body = "json"\nbatch = "results"\n',
            "channels.sms.ack.body: found {reply}, but a batch has many senders; wanted send",
            id="one answer for many",
        ),
        pytest.param(
            SMS + 'auth = { kind = "secret", value = { env = "S" } }\n',
            "channels.sms.auth: wanted header, field or path, where the gateway puts the secret",
            id="secret nowhere",
        ),
        pytest.param(
            SMS + 'auth = { kind = "twilio", key = { env = "S" } }\n',
            "channels.sms.auth.public_url: this key is missing, and so is http.public_url; the "
            "gateway signs the address at which it reaches us, such as "
            "https://readings.example.org",
            id="an address is signed that we do not know",
        ),
        pytest.param(
            SMS + HMAC.replace("header", "nonce_header"),
            "channels.sms.auth: wanted either header or field, where the gateway puts the "
            "signature",
            id="signature nowhere",
        ),
        pytest.param(
            SMS + HMAC.replace(" }\n", ', signed = "{body}{date}" }\n'),
            "channels.sms.auth.signed: found {date}, "
            "wanted one of {body}, {timestamp}, {nonce}, {url}, {field:NAME}",
            id="unknown part is signed",
        ),
        pytest.param(
            SMS + HMAC.replace(" }\n", ', signed = "{timestamp}", timestamp_header = "T" }\n'),
            "channels.sms.auth.signed: found nothing of the text in it, "
            "wanted {body} or {field:NAME}",
            id="nothing is signed",
        ),
        pytest.param(
            SMS + HMAC.replace(" }\n", ', signed = "{body}", timestamp_header = "T" }\n'),
            "channels.sms.auth.signed: found no {timestamp} in it; "
            "one that is not signed proves nothing",
            id="a time that is not signed",
        ),
        pytest.param(
            SMS + HMAC.replace(" }\n", ', signed = "{body}{nonce}" }\n'),
            "channels.sms.auth.nonce_header: this key is missing, and {nonce} stands for it",
            id="nonce nowhere",
        ),
        pytest.param(
            SMS + '[http]\npublic_url = "readings.example.org"\n',
            "http.public_url: found something else, wanted https://HOST, with a path at most",
            id="public URL",
        ),
        pytest.param(
            FORM + 'reports = { status = "s" }\n',
            "channels.sms.reports: wanted id or reply, to know which text is reported on",
            id="reports on nothing",
        ),
        pytest.param(
            FORM + 'reports = { status = "s", id = "i", delivered = "(" }\n',
            "channels.sms.reports.delivered: found '(', wanted a regular expression "
            "(missing ), unterminated subpattern at position 0)",
            id="pattern of a status",
        ),
        pytest.param(
            FORM.replace("fields = {", 'fields = { part_number = "n", part_total = "t",'),
            "channels.sms.fields.part_reference: this key is missing; all three are needed",
            id="parts of nothing",
        ),
        pytest.param(
            SMS.replace("kannel", "infobip")
            + '[channels.sms.send]\nvalues = { host = "https://x.api.infobip.com", from = "1" }\n'
            'secret = { env = "S" }\n',
            "channels.sms.send.values.host: found 'https://...', wanted a bare host name like "
            "api.example.org",
            id="a URL for a host",
        ),
        pytest.param(
            SEND.replace("https", "ftp"),
            "channels.sms.send.url: found 'ftp://...', wanted https://HOST/PATH",
            id="URL",
        ),
        pytest.param(
            SEND + 'success = "("\n',
            "channels.sms.send.success: found '(', wanted a regular expression "
            "(missing ), unterminated subpattern at position 0)",
            id="pattern",
        ),
        pytest.param(
            SEND + 'id_pattern = "id"\n',
            "channels.sms.send.id_pattern: found no group in it, wanted one round the id",
            id="pattern without group",
        ),
        pytest.param(
            SEND.replace('"{address}"', '"{adress} {address}"'),
            "channels.sms.send: found {adress}, "
            "wanted one of {address}, {digits}, {text}, {text_hex}, {receipt}, {id}, {secret}, "
            "{report_url}",
            id="placeholder",
        ),
        pytest.param(
            SEND + 'quiet_hours = "22-7"\n',
            "channels.sms.send.quiet_hours: found '22-7', wanted two times like '22:00-07:00'",
            id="quiet hours",
        ),
        pytest.param(
            SEND + 'retry = "("\n',
            "channels.sms.send.retry: found '(', wanted a regular expression "
            "(missing ), unterminated subpattern at position 0)",
            id="pattern of what passes",
        ),
        pytest.param(
            GAMMU + 'time_zone = "UTC"\n'
            'database = { url = "postgresql:///smsd", quiet_hours = "22" }\n',
            "channels.sms.database.quiet_hours: found '22', wanted two times like '22:00-07:00'",
            id="quiet hours of a telephone",
        ),
        pytest.param(
            GAMMU + 'database = { url = "postgresql:///smsd" }\n',
            "channels.sms.time_zone: this key is missing, and texts are judged by when they came "
            "to the gateway; wanted the zone of the times of smsd's machine, like "
            "'Europe/Moscow', or trust_arrival_for = 0",
            id="a clock of nowhere",
        ),
        pytest.param(
            POLLED,
            "channels.sms.time_zone: this key is missing, and texts are judged by when they came "
            "to the gateway; wanted the zone of the times in their lists, like 'Europe/Moscow', or "
            "trust_arrival_for = 0",
            id="lists of nowhere",
        ),
        pytest.param(
            SEND.replace(', text = "{text}"', ""),
            "channels.sms.send.fields: found no {text} in it, wanted the text of the message",
            id="no text sent",
        ),
        pytest.param(
            SEND + 'headers = { Authorization = "Bearer {secret}" }\n',
            "channels.sms.send.secret: this key is missing, and {secret} stands for it",
            id="no secret sent",
        ),
        pytest.param(
            SMS + 'auth = { kind = "basic", username = "a", password = {} }\n',
            "channels.sms.auth.password: found none, "
            "wanted exactly one of env, file and credential",
            id="secret kept nowhere",
        ),
        pytest.param(
            SEND + 'secret = { env = "A", file = "b" }\n',
            "channels.sms.send.secret: found env and file, "
            "wanted exactly one of env, file and credential",
            id="secret kept twice",
        ),
        pytest.param(
            REGISTRY.replace("account = 1, ", ""),
            "channels.citypay.dialect.columns.account: this key is missing",
            id="column missing",
        ),
        pytest.param(
            REGISTRY.replace("value = 2", "value = 2, value_3 = 4"),
            "channels.citypay.dialect.columns.value_2: this key is missing, and value_3 is there",
            id="column left out",
        ),
        pytest.param(
            REGISTRY.replace("value = 2", "value = 0"),
            "channels.citypay.dialect.columns.value: found 0, wanted a position from 1",
            id="column from 0",
        ),
        pytest.param(
            REGISTRY.replace("value = 2", "value = 1"),
            "channels.citypay.dialect.columns.value: found 1, which account has already",
            id="column twice",
        ),
        pytest.param(
            REGISTRY.replace("value = 2", 'value = "Показание"'),
            "channels.citypay.dialect.columns.value: found a name, wanted header = true with it",
            id="column by name",
        ),
        pytest.param(
            REGISTRY + 'mail_results_to = ["a@example.org"]\n',
            "channels.citypay.mail_results_from: this key is missing, and mail_results_to is there",
            id="results from nobody",
        ),
        pytest.param(
            REGISTRY + 'mail_results_to = ["a"]\nmail_results_from = "us@example.org"\n',
            "channels.citypay.mail_results_to: found 'a', wanted an address like "
            "'name@example.org'",
            id="results to nobody",
        ),
        pytest.param(
            REGISTRY + 'judge_by = "operation"\n',
            "channels.citypay.judge_by: found 'operation', wanted a column paid_at with it",
            id="judged by nothing",
        ),
        pytest.param(
            REGISTRY + 'dialect.trailer = "["\n',
            "channels.citypay.dialect.trailer: found '[', wanted a regular expression "
            "(unterminated character set at position 0)",
            id="trailer",
        ),
        pytest.param(
            REGISTRY + 'dialect.quote = ";"\n',
            "channels.citypay.dialect.quote: found the delimiter, wanted another character or none",
            id="quote",
        ),
        pytest.param(
            REGISTRY + 'dialect.time_format = "iso"\n',
            "channels.citypay.dialect.time_format: found 'iso', "
            "wanted a format like '%d.%m.%Y %H:%M:%S'",
            id="format of times",
        ),
        pytest.param(
            REGISTRY + 'dialect.time_zone = "Moscow"\n',
            "channels.citypay.dialect.time_zone: found 'Moscow', "
            "wanted an IANA name like Asia/Krasnoyarsk",
            id="zone of times",
        ),
        pytest.param(
            REGISTRY + REGISTRY.replace("channels.citypay", "channels.second"),
            "channels.second.directory: found 'var/citypay', "
            "wanted a folder apart from that of channels.citypay.directory",
            id="one folder twice",
        ),
        pytest.param(
            REGISTRY
            + REGISTRY.replace("citypay]", "second]").replace('"citypay"', '"./citypay/in"'),
            "channels.second.directory: found 'var/citypay/in', "
            "wanted a folder apart from that of channels.citypay.directory",
            id="a folder within another",
        ),
    ],
)
def test_channel_refused(text, expected, list_mistakes):
    """What a channel cannot be is told."""
    assert [expected] == list_mistakes(WINDOWS + text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            SMTP + 'listen = "0.0.0.0:25"\nallow_from = ["10.0.0.0/8"]\n', id="allow-list"
        ),
        pytest.param(SMTP + 'listen = "unix:lmtp"\nprotocol = "lmtp"\n', id="unix socket"),
        pytest.param(SMTP + 'listen = "[::1]:2525"\n', id="IPv6"),
        pytest.param(
            SMTP + SMTP.replace("energy]", "b]") + 'listen = "127.0.0.1:0"\n', id="port 0"
        ),
        pytest.param(
            SMS + 'auth = { kind = "hmac", key = { file = "k" }, header = "X" }\n'
            '[http]\nlisten = "0.0.0.0:8080"\n',
            id="signed",
        ),
        pytest.param(
            SMS + 'allow_from = ["10.0.0.7"]\n[http]\nlisten = "[::]:80"\n', id="gateway's"
        ),
        pytest.param(
            '[mail]\nrelay = "smtp://127.0.0.1"\nusername = "a"\npassword = { env = "P" }\n' + SMS,
            id="password on loopback",
        ),
        pytest.param('[database]\nurl = "postgresql:///ingest?host=/run/pg"\n' + SMS, id="socket"),
        pytest.param(REGISTRY.replace('"citypay"', '"/srv/citypay"'), id="absolute folder"),
        pytest.param(
            REGISTRY.replace("1, value = 2", "'ЛС', value = 'П'") + "dialect.header = true\n",
            id="columns by name",
        ),
        pytest.param(SEND, id="sends"),
        pytest.param(POLLED + "trust_arrival_for = 0\n", id="a clock that nobody believes"),
        pytest.param(
            SMTP + "enabled = false\nrequire_tls = true\nlisten = 'nowhere'\n", id="disabled draft"
        ),
    ],
)
def test_accepted(text, load_text):
    """What is right is not complained of."""
    assert load_text(WINDOWS + text).settings
