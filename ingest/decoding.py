"""
Decodes one table of config.toml strictly, and says what is wrong with it in an operator's words.

A message names the key with its table, what was found and what was wanted. A text that stands
where a table belongs is never shown: it may well be a secret that was to be kept elsewhere.
"""

import datetime as dt
import difflib
import re
from collections.abc import Iterable
from typing import TypeVar

import msgspec
from msgspec import inspect

from ingest.settings.tables import Secret

AnyTable = TypeVar("AnyTable")

WANTED = {
    "array": "a list",
    "bool": "true or false",
    "date": "a date like 2027-01-01",
    "float": "a number",
    "int": "a whole number",
    "object": "a table",
    "str": "a text",
}
"""What msgspec calls a type, and what we call it."""

PATH = re.compile(r" - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`$")
STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")
EXPECTED = re.compile(r"Expected `(?P<kinds>[^`]+)`(?P<limit> [^,]+)?(, got `(?P<got>[^`]+)`)?")
CHOICE = re.compile(r"Invalid (?:enum )?value '?(?P<value>.*?)'?", re.DOTALL)
WIDTH = 60
ONLY_WAYS = (
    'wanted { credential = "NAME" }, { file = "PATH" } or { env = "NAME" }: a secret never stands '
    "here"
)


def decode_table(
    where: str, table: object, kind: type[AnyTable], problems: list[str]
) -> AnyTable | None:
    """Decode one table; a mistake is added to *problems* and None returned."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        problems.append(explain(where, table, kind, str(error)))
        return None


def explain(where: str, table: object, kind: type, error: str) -> str:
    """Say what a decoding error of msgspec means."""
    message = PATH.sub("", error)
    at = PATH.search(error)
    path = name_key(table, at["path"], message) if at else ""
    if unknown := UNKNOWN.fullmatch(message):
        hint = suggest(unknown["field"], list_keys(kind, path, table))
        return f"{where}{path}.{unknown['field']}: unknown key{hint}"
    if missing := MISSING.fullmatch(message):
        return f"{where}{path}.{missing['field']}: this key is missing"
    if choice := CHOICE.fullmatch(message):
        choices = list_choices(kind, path, of_keys=bool(at and at["key"]))
        return f"{where}{path}: found {choice['value']!r}, wanted one of {', '.join(choices)}"
    value = find_value(table, path)
    if any(is_secret(one) for one in find_types(kind, path)):
        return f"{where}{path}: found {describe_kind(value)}, {ONLY_WAYS}"
    return f"{where}{path}: {explain_type(message, value)}"


def is_secret(info: inspect.Type) -> bool:
    """Tell whether a type says where a secret is kept."""
    return isinstance(info, inspect.StructType) and info.cls is Secret


def describe_kind(value: object) -> str:
    """Say what kind of value stands somewhere, without showing it."""
    if isinstance(value, dict | list):
        return shorten(value)
    return "a text" if isinstance(value, str) else "a number or a word"


def explain_type(message: str, value: object) -> str:
    """Say that *value* has the wrong type or lies outside its limits."""
    expected = EXPECTED.fullmatch(message)
    kinds = expected["kinds"].split(" | ") if expected else ["date"]
    limit = (expected["limit"] or "") if expected else ""
    wanted = " or ".join(WANTED.get(one, one) for one in kinds if one != "null") + limit
    hidden = isinstance(value, str) and not {"str", "int", "float", "bool", "date"} & {*kinds}
    return f"found {'a text' if hidden else shorten(value)}, wanted {wanted}"


def name_key(table: object, path: str, message: str) -> str:
    """
    Put the name of the key for the ``[...]`` that msgspec says of a table with free keys.

    Every value of the kind that it complains of is wrong there, so the first one is a right answer.
    """
    head, dots, tail = path.partition("[...]")
    inner = find_value(table, head)
    if not dots or not isinstance(inner, dict):
        return path
    expected, choice = EXPECTED.fullmatch(message), CHOICE.fullmatch(message)
    for key, value in inner.items():
        of_type = expected is not None and type(value).__name__ == expected["got"]
        if of_type or (choice is not None and value == choice["value"]):
            return f"{head}.{key}{tail}"
    return path


def find_value(table: object, path: str) -> object:
    """Follow a path like ``.tls.certificate`` or ``.recipients[0]`` as far as it leads."""
    for key, index in STEP.findall(path):
        if isinstance(table, dict) and key in table:
            table = table[key]
        elif isinstance(table, list) and index.isdigit():
            table = table[int(index)]
    return table


def find_types(kind: type, path: str) -> list[inspect.Type]:
    """Return the types that may stand at *path* within *kind*."""
    found = list_alternatives(inspect.type_info(kind))
    for key, _ in STEP.findall(path):
        found = [inner for one in found for inner in step_into(one, key)]
    return found


def list_alternatives(info: inspect.Type) -> list[inspect.Type]:
    """Return the members of a union, or the one type that is none."""
    return list(info.types) if isinstance(info, inspect.UnionType) else [info]


def step_into(info: inspect.Type, key: str) -> list[inspect.Type]:
    """Return the types that may stand at *key* of *info*."""
    if isinstance(info, inspect.StructType):
        if key == info.tag_field:
            return [inspect.LiteralType((str(info.tag),))]
        fields = [one for one in info.fields if one.encode_name == key]
        return [inner for one in fields for inner in list_alternatives(one.type)]
    if isinstance(info, inspect.DictType):
        return list_alternatives(info.value_type)
    return list_alternatives(info.item_type) if isinstance(info, inspect.VarTupleType) else []


def list_keys(kind: type, path: str, table: object) -> list[str]:
    """List the keys of the table at *path*; of several kinds of it, those of the one chosen."""
    value = find_value(table, path)
    keys: list[str] = []
    for one in find_types(kind, path):
        if isinstance(one, inspect.StructType):
            chosen = value.get(one.tag_field) if isinstance(value, dict) else None
            if one.tag_field is None or chosen == one.tag:
                keys += [*([one.tag_field] if one.tag_field else []), *map(get_name, one.fields)]
    return keys


def get_name(field: inspect.Field) -> str:
    """Return a field's name as config.toml writes it."""
    return field.encode_name


def list_choices(kind: type, path: str, *, of_keys: bool) -> list[str]:
    """List the values that the key at *path* may have, or the keys that the table there may."""
    types = find_types(kind, path)
    if of_keys:
        types = [one.key_type for one in types if isinstance(one, inspect.DictType)]
    choices: list[str] = []
    for one in types:
        if isinstance(one, inspect.LiteralType):
            choices += map(str, one.values)
        if isinstance(one, inspect.EnumType):
            choices += [str(member.value) for member in one.cls]
    return [choice or "(empty)" for choice in dict.fromkeys(choices)]


def suggest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, or which there are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(names)}" if names else ""


def shorten(value: object) -> str:
    """Show a value as config.toml writes it, at most a line of it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = value.isoformat() if isinstance(value, dt.date | dt.time) else repr(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
