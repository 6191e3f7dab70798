"""How config.toml writes a JSON document: dotted names make objects, numbers make lists. Pure."""

from typing import Any

from ingest.errors import ConfigError


def nest(fields: dict[str, str]) -> object:
    """Turn dotted names into nested objects; a number is a place in a list."""
    tree: dict[str, Any] = {}
    for name, value in fields.items():
        *parents, last = name.split(".")
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise ConfigError(f"fields.{name}: found a value at {key!r}, wanted none beside it")
        if last in node:
            raise ConfigError(f"fields.{name}: found more fields under it, wanted a value alone")
        node[last] = value
    return list_numbered(tree)


def list_numbered(node: object) -> object:
    """Turn objects whose keys are all numbers into lists."""
    if not isinstance(node, dict):
        return node
    if all(key.isascii() and key.isdigit() for key in node):
        return [list_numbered(node[key]) for key in sorted(node, key=int)]
    return {key: list_numbered(value) for key, value in node.items()}
