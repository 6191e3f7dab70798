"""The shipped config.toml: it runs, it sets up what was asked for, it shows every setting."""

import re
import tomllib
from pathlib import Path

import pytest
from msgspec import inspect

from ingest import settings
from ingest.checks import check_config, list_secrets
from ingest.config import decode_config, load_config
from ingest.schema import config_schema

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "config.toml"
TEXT = SAMPLE.read_text("utf-8")
LIFTED = re.sub(r"^# (\w+ = .*|\[.*)$", r"\1", TEXT, flags=re.MULTILINE)
"""The sample with every commented setting in force."""


@pytest.fixture(scope="module")
def sample():
    """Return the sample, loaded without any environment."""
    return load_config(SAMPLE, {})


@pytest.mark.parametrize(
    ("name", "kind", "window", "enabled"),
    [
        pytest.param("energy-smtp", "smtp", "all-month", True, id="mail by SMTP"),
        pytest.param("energy", "imap", "all-month", False, id="mailbox"),
        pytest.param("sms", "sms", "all-month", True, id="SMS by Kannel"),
        pytest.param("sms-smsc", "sms", "all-month", False, id="SMS by forms"),
        pytest.param("sms-json", "sms", "all-month", False, id="SMS by JSON"),
        pytest.param("sms-twilio", "sms", "all-month", False, id="SMS by Twilio"),
        pytest.param("sms-plivo", "sms", "all-month", False, id="SMS by Plivo"),
        pytest.param("sms-vonage", "sms", "all-month", False, id="SMS by Vonage"),
        pytest.param("sms-ru", "sms", "all-month", False, id="SMS by SMS.ru"),
        pytest.param("sms-polled", "sms", "all-month", False, id="SMS fetched from SMSC.ru"),
        pytest.param("sms-gammu", "sms", "all-month", False, id="SMS by gammu-smsd"),
        pytest.param("cabinet", "api", "all-month", False, id="personal cabinet"),
        pytest.param("mobile", "api", "all-month", False, id="mobile app"),
        pytest.param("call-centre", "api", "all-month", False, id="call centre"),
        pytest.param("chat-bot", "api", "all-month", False, id="chat-bot"),
        pytest.param("citypay", "registry", "all-month", True, id="CityPay"),
        pytest.param("platezhka", "registry", "terminals", True, id="«ПлатеЖКа»"),
        pytest.param("kasservis", "registry", "terminals", True, id="«КАССервис»"),
        pytest.param("sberbank", "registry", "terminals", True, id="Sberbank"),
        pytest.param("citypay-online", "terminal", "all-month", False, id="CityPay online"),
        pytest.param("platezhka-online", "terminal", "terminals", False, id="«ПлатеЖКа» online"),
        pytest.param("kasservis-online", "terminal", "terminals", False, id="«КАССервис» online"),
        pytest.param("sberbank-online", "terminal", "terminals", False, id="Sberbank online"),
        pytest.param("partner-online", "terminal", "terminals", False, id="another partner online"),
    ],
)
def test_channel(sample, name, kind, window, enabled):
    """Every channel of the retailer is there, with its window."""
    found = sample.settings.channels[name]
    assert (kind, window, enabled) == (type(found).__struct_config__.tag, found.window, enabled)
    assert enabled is (name in sample.channels)


def test_no_other_channel(sample):
    """The table above is complete."""
    assert 24 == len(sample.settings.channels)


@pytest.mark.parametrize(
    ("name", "days"),
    [
        pytest.param("all-month", "6..-2", id="but the first five and the last day"),
        pytest.param("terminals", "23..26", id="23rd to 26th"),
    ],
)
def test_window(sample, name, days):
    """The windows are the retailer's, in its time zone; what comes late is refused."""
    found = sample.settings.windows[name]
    assert (days, "reject", (), ()) == (found.days, found.late, found.versions, found.open)
    assert "Asia/Krasnoyarsk" == sample.settings.service.timezone
    assert {"all-month", "terminals"} == set(sample.settings.windows)


def test_it_runs_out_of_the_box(sample):
    """Nothing outside the machine is needed: no server, no secret, no port open to the world."""
    enabled = sample.channels
    assert ("embedded", "directory:replies") == (
        sample.settings.database.url,
        sample.settings.mail.relay,
    )
    assert [] == [where for name in enabled for where, _ in list_secrets(name, enabled[name])]
    assert "127.0.0.1:2525" == enabled["energy-smtp"].listen
    folders = {f"registries/{name}" for name in ("citypay", "platezhka", "kasservis", "sberbank")}
    assert folders == {one.directory for one in enabled.values() if hasattr(one, "directory")}


def list_settings(struct, table):
    """Yield class and name of every key of *table*, and of the tables beneath."""
    by_key = {field.encode_name: field for field in struct.fields}
    for key, value in table.items():
        if key == struct.tag_field:
            continue
        yield get_owner(struct.cls, key), key
        for inner, inner_table in list_tables(by_key[key].type, value):
            yield from list_settings(inner, inner_table)


def get_owner(cls, key):
    """Return the class that declares a field: what every channel has counts once."""
    return next(one for one in reversed(cls.__mro__) if key in vars(one).get("__annotations__", ()))


def list_tables(kind, value):
    """Yield struct and table for each table that stands in a setting's value."""
    is_table = isinstance(kind, inspect.StructType) and isinstance(value, dict)
    if is_table and kind.tag == value.get(kind.tag_field, kind.tag):
        yield kind, value
    for inner_kind, inner_value in list_parts(kind, value):
        yield from list_tables(inner_kind, inner_value)


def list_parts(kind, value):
    """List type and value of what may be a table within a setting's value."""
    if isinstance(kind, inspect.UnionType):
        return [(one, value) for one in kind.types]
    if isinstance(kind, inspect.DictType):
        return [(kind.value_type, one) for one in value.values()]
    return [(kind.item_type, one) for one in value] if hasattr(kind, "item_type") else []


def every_setting():
    """List class and name of every field in settings/."""
    classes = [one for one in vars(settings).values() if isinstance(one, type)]
    return sorted(
        (cls.__name__, field)
        for cls in classes
        if issubclass(cls, settings.Table)
        for field in cls.__struct_fields__
        if get_owner(cls, field) is cls
    )


DOCUMENTED = {
    (cls.__name__, key)
    for cls, key in list_settings(inspect.type_info(settings.Config), tomllib.loads(LIFTED))
}


@pytest.mark.parametrize(("table", "key"), every_setting(), ids=str)
def test_every_setting_is_documented(table, key):
    """A new setting has to be shown in the sample, set or in a comment."""
    assert (table, key) in DOCUMENTED


def test_every_comment_is_a_valid_setting(tmp_path):
    """With every commented line in force, and every channel on, the file is right as well."""
    tables = tomllib.loads(LIFTED)
    for channel in tables["channels"].values():
        channel["enabled"] = channel["type"] in {"smtp", "sms", "registry", "terminal"}
    problems = []
    found = decode_config(tables, problems)
    assert [] == problems
    assert [] == list(check_config(found, tmp_path))


def list_defaults(struct, shown, active):
    """Yield key, value shown and default for the settings that are only shown in a comment."""
    for field in struct.fields:
        key = field.encode_name
        if key in shown and key not in active:
            yield key, shown[key], field.default
        if key in active and isinstance(field.type, inspect.StructType | inspect.UnionType):
            for inner, table in list_tables(field.type, shown[key]):
                yield from list_defaults(inner, table, active[key])


def test_comments_show_the_defaults():
    """A commented setting shows its default; where that is empty, or there is none, an example."""
    shown, active = tomllib.loads(LIFTED), tomllib.loads(TEXT)
    tables = [(inspect.type_info(settings.Config), shown, active)]
    for name, channel in shown["channels"].items():
        kind = inspect.type_info(settings.Config.__annotations__["channels"]).value_type
        ((struct, _),) = list_tables(kind, channel)
        tables.append((struct, channel, active["channels"].get(name, {})))
    for struct, lifted, plain in tables:
        for key, value, default in list_defaults(struct, lifted, plain):
            is_example = default in ("", None, ()) or not isinstance(default, str | int | float)
            assert is_example or default == value, key


def test_no_secret_stands_in_it():
    """Passwords and keys are pointed to, in the examples too."""
    values = re.findall(
        r"^(?:# )?(?:password|secret|value|apikey) = (.*?)(?:  #|$)", TEXT, re.MULTILINE
    )
    assert len(values) > 5
    assert [] == [value for value in values if not re.match(r'\{ \w+ = |"\{secret\}"', value)]
    assert [] == re.findall(r"://[^/\s]*:[^/\s]*@", TEXT)


def test_it_can_be_read_on_a_terminal():
    """No line is longer than a hundred characters, and none ends in blanks."""
    lines = TEXT.splitlines()
    assert [] == [line for line in lines if len(line) > 100 or line != line.rstrip()]


def find_unknown(schema, node, value, path=""):
    """Yield the keys of *value* that the schema's *node* does not know."""
    node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else node
    if "anyOf" in node:
        found = [list(find_unknown(schema, one, value, path)) for one in node["anyOf"]]
        yield from min(found, key=len)
    elif isinstance(value, dict):
        for key, inner in value.items():
            known = node.get("properties", {}).get(key) or node.get("additionalProperties")
            yield from (
                find_unknown(schema, known, inner, f"{path}.{key}") if known else [path + key]
            )


def test_the_schema_knows_every_key():
    """An editor that has the schema accepts the sample, with its comments taken off too."""
    schema = config_schema()
    assert [] == list(find_unknown(schema, schema, tomllib.loads(LIFTED)))
    assert [".logloud"] == list(find_unknown(schema, schema, {"log": {"loud": 1}}))


def test_the_windows_of_the_documentation():
    """Every TOML block of docs/configuration.md is right beside the sample's windows."""
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 3
    for block in blocks:
        tables = {"windows": {"all-month": {"days": "6..-2"}}, "channels": {}}
        problems = []
        found = decode_config(tables | tomllib.loads(block), problems)
        assert [] == problems
        assert [] == list(check_config(found, ROOT))
