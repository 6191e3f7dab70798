"""Pieces of a config.toml that are right, for tests to put together and to spoil."""

WINDOWS = '[windows.all-month]\ndays = "6..-2"\n'
SMS = '[channels.sms]\ntype = "sms"\nwindow = "all-month"\ngateway = "kannel"\n'
FORM = (
    '[channels.sms]\ntype = "sms"\nwindow = "all-month"\n'
    'fields = { sender = "from", text = "text" }\nack = { body = "{reply}" }\n'
)
SEND = (
    FORM + '[channels.sms.send]\nurl = "https://gateway.example/send"\n'
    'fields = { to = "{address}", text = "{text}" }\n'
)
SMTP = (
    '[channels.energy]\ntype = "smtp"\nwindow = "all-month"\nrecipients = ["energy@sbit.example"]\n'
)
REGISTRY = (
    '[channels.citypay]\ntype = "registry"\nwindow = "all-month"\ndirectory = "citypay"\n'
    "dialect.columns = { account = 1, value = 2 }\n"
)
