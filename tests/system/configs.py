"""What the daemon is told in the system tests; the figures in braces are filled in for each."""

HEAD = """
[service]
state_dir = "state"
[log]
format = "json"
[mail]
relay = "smtp://127.0.0.1:{relay}"
[replies]
per_address = 1000000
per_address_accepted = 1000000
per_address_and_reason = 1000000
per_minute = 100000
[windows.always]
days = "1..-1"
[http]
listen = "127.0.0.1:{http}"
internal = "127.0.0.1:{internal}"
public_url = "http://127.0.0.1:{http}"
"""
LMTP = """
[channels.mail]
type = "smtp"
window = "always"
protocol = "lmtp"
listen = "127.0.0.1:{smtp}"
recipients = ["energy@example.org"]
"""
KANNEL = """
[channels.kannel]
type = "sms"
window = "always"
gateway = "kannel"
"""
MAILBOX = """
[channels.mailbox]
type = "imap"
window = "always"
host = "127.0.0.1"
username = "energy"
password = {{ file = "password" }}
addresses = ["energy@example.org"]
poll = 1
timeout = 3
"""
GAMMU_TABLES = """
[channels.gammu]
type = "sms"
window = "always"
gateway = "gammu"
time_zone = "UTC"
poll = {{ every = 1 }}
[channels.gammu.database]
url = "TABLES"
"""
GAMMU_CALLS = """
[channels.gammu]
type = "sms"
window = "always"
gateway = "gammu"
[channels.gammu.send]
url = "http://127.0.0.1:{gateway}/send"
fields = {{ to = "{{address}}", text = "{{text}}", key = "{{id}}" }}
"""
