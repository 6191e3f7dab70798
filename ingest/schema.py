"""
The JSON Schema of config.toml, for editors: every key with its type, default and meaning.

What a key means stands beneath its field in ``settings/``; it is read from there, so that it is
written once.
"""

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from ingest import settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """Return the schema as JSON can hold it."""
    schema: dict[str, Any] = msgspec.json.schema(settings.Config)
    schema["$defs"]["Secret"] |= {"minProperties": 1, "maxProperties": 1}
    schema["$defs"]["CsvDialect"]["required"].remove("kind")
    meanings = {(name, field): text for name, field, text in list_meanings()}
    for name, definition in schema["$defs"].items():
        for field, declared in definition.get("properties", {}).items():
            for base in getattr(settings, name).__mro__:
                if meaning := meanings.get((base.__name__, field)):
                    declared.setdefault("description", meaning)
            if field == "dispositions":
                declared["propertyNames"] = {"$ref": "#/$defs/Reason"}
    return {"$schema": DIALECT, "title": "config.toml of ingest", **schema}


def list_meanings() -> Iterator[tuple[str, str, str]]:
    """Yield struct, field and text for every text beneath a field in ``settings/``."""
    kinds = [one for one in vars(settings).values() if isinstance(one, type)]
    for kind in [one for one in kinds if issubclass(one, settings.Table)]:
        [struct] = ast.parse(inspect.getsource(kind)).body
        if not isinstance(struct, ast.ClassDef):
            continue
        for field, text in pairwise(struct.body):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(meaning))),
                ):
                    yield struct.name, name, inspect.cleandoc(meaning)
                case _:
                    pass
