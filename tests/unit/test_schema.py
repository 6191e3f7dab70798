"""The JSON Schema that editors check config.toml by."""

import pytest

from ingest.schema import config_schema


def walk(node):
    """Yield every table of a schema."""
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from walk(inner)
    if isinstance(node, list):
        for inner in node:
            yield from walk(inner)


def test_schema_references_resolve():
    """The schema is closed in itself and says which dialect it is."""
    schema = config_schema()
    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
    references = {node["$ref"] for node in walk(schema) if "$ref" in node}
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}


@pytest.mark.parametrize(
    ("struct", "field", "expected"),
    [
        pytest.param("Database", "connections", "Connections kept open; ", id="own"),
        pytest.param("SmtpSettings", "journal", "Keep what arrives on disk", id="inherited"),
        pytest.param("SmtpSettings", "timeout", "Seconds that a client may be", id="same name"),
    ],
)
def test_schema_explains_keys(struct, field, expected):
    """What stands beneath a field in settings/ is shown by editors."""
    found = config_schema()["$defs"][struct]["properties"][field]
    assert found["description"].startswith(expected)


def test_schema_wants_one_way_to_a_secret():
    """Editors tell when a secret is kept nowhere or in two places."""
    found = config_schema()["$defs"]["Secret"]
    assert (1, 1) == (found["minProperties"], found["maxProperties"])
