"""
Reads config.toml into frozen values; whatever is wrong is one clear ConfigError.

An error names the key with its table, what was found and what was wanted. Tables are decoded one
by one, so that several mistakes are all told at once.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from ingest.checks import check_config, check_database, list_secrets
from ingest.decoding import decode_table, shorten, suggest
from ingest.errors import ConfigError
from ingest.settings import AnyChannel, Config, Secret, Table, WindowSettings

AnyTable = TypeVar("AnyTable", bound=Table)

CHANNEL_TYPES: dict[str, Any] = {kind.__struct_config__.tag: kind for kind in get_args(AnyChannel)}
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
DATABASE_URL = "INGEST_DATABASE_URL"
"""The environment variable that overrides ``database.url``."""


class Configuration(Struct, frozen=True):
    """config.toml, read and checked, with what is needed to use it."""

    settings: Config
    path: Path
    environ: Mapping[str, str]

    def __repr__(self) -> str:
        # The environment holds secrets, and tracebacks show arguments.
        return f"Configuration({str(self.path)!r})"

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which windows and periods are counted."""
        return ZoneInfo(self.settings.service.timezone)

    @property
    def state_dir(self) -> Path:
        """The folder for everything the daemon keeps outside PostgreSQL."""
        return self.path.parent / self.settings.service.state_dir

    @property
    def channels(self) -> dict[str, AnyChannel]:
        """The enabled channels by name, in the order of the file."""
        return {name: one for name, one in self.settings.channels.items() if one.enabled}

    def locate(self, path: str) -> Path:
        """Return where a file or folder of config.toml lies: relative paths start beside it."""
        return self.path.parent / path

    def read_secret(self, secret: Secret) -> str:
        """Return the secret itself; raises ConfigError when it is not where it should be."""
        return read_secret(secret, self.environ, self.path.parent)


def load_config(path: Path, environ: Mapping[str, str] | None = None) -> Configuration:
    """Read and check *path*; raises ConfigError with every mistake found, one a line."""
    environ = os.environ if environ is None else environ
    tables = read_toml(path)
    problems: list[str] = []
    if url := environ.get(DATABASE_URL):
        override_database(tables, url, problems)
    settings = decode_config(tables, problems)
    if settings is not None:
        problems.extend(check_config(settings, path.parent / settings.service.state_dir))
    if settings is None or problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    return Configuration(settings=settings, path=path.absolute(), environ=environ)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises ConfigError."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}: found bytes in line {line} that are no UTF-8; save the file as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: this is no TOML: {error}") from None


def override_database(tables: dict[str, Any], url: str, problems: list[str]) -> None:
    """Put the URL of the environment in the place of the file's, unless it is no URL."""
    wrong = list(check_database(url, DATABASE_URL))
    problems.extend(wrong)
    database = tables.get("database", {})
    if not wrong and isinstance(database, dict):
        tables["database"] = {**database, "url": url}


def decode_config(tables: dict[str, Any], problems: list[str]) -> Config | None:
    """Decode table by table; mistakes are added to *problems*, and then None is returned."""
    known = {field.name: field.type for field in msgspec.structs.fields(Config)}
    decoded: dict[str, Any] = {}
    for name, value in tables.items():
        if name not in known:
            problems.append(f"{name}: unknown table{suggest(name, known)}")
        elif name == "windows":
            decoded[name] = decode_named(name, value, WindowSettings, problems)
        elif name == "channels":
            decoded[name] = decode_channels(value, problems)
        else:
            decoded[name] = decode_table(name, value, known[name], problems)
    problems.extend(
        f"{name}: this table is missing" for name in ("windows", "channels") if name not in tables
    )
    return None if problems else Config(**decoded)


def decode_named(
    name: str, tables: object, kind: type[AnyTable], problems: list[str]
) -> dict[str, AnyTable | None]:
    """Decode the tables beneath *name*, each of the same *kind*."""
    if not isinstance(tables, dict):
        problems.append(f"{name}: found {shorten(tables)}, wanted tables [{name}.NAME]")
        return {}
    problems.extend(
        f"{name}.{key}: wanted a name of lower-case letters, digits and hyphens"
        for key in tables
        if not NAME.fullmatch(key)
    )
    return {
        key: decode_table(f"{name}.{key}", table, kind, problems) for key, table in tables.items()
    }


def decode_channels(tables: object, problems: list[str]) -> dict[str, Any]:
    """Decode each channel as its ``type`` says."""
    if not isinstance(tables, dict):
        return decode_named("channels", tables, Table, problems)
    decoded: dict[str, Any] = {}
    wanted = f"wanted one of {', '.join(CHANNEL_TYPES)}"
    for name, table in tables.items():
        where = f"channels.{name}"
        if not isinstance(table, dict):
            problems.append(f"{where}: found {shorten(table)}, wanted a table [{where}]")
        elif "type" not in table:
            problems.append(f"{where}.type: this key is missing; {wanted}")
        elif not isinstance(table["type"], str) or table["type"] not in CHANNEL_TYPES:
            problems.append(f"{where}.type: found {shorten(table['type'])}, {wanted}")
        else:
            kind = CHANNEL_TYPES[table["type"]]
            decoded |= decode_named("channels", {name: name_dialect(table)}, kind, problems)
    return decoded


def name_dialect(table: dict[str, Any]) -> dict[str, Any]:
    """Return a channel's table; the dialect of a registry that is of no named kind is CSV."""
    dialect = table.get("dialect")
    if table["type"] != "registry" or not isinstance(dialect, dict) or "kind" in dialect:
        return table
    return {**table, "dialect": {"kind": "csv", **dialect}}


def check_secrets(configuration: Configuration) -> Iterator[str]:
    """Read every secret that the daemon will need; yield the key and the lack of each missing."""
    settings = configuration.settings
    parts: dict[str, object] = {"database": settings.database, "mail": settings.mail}
    parts |= {f"channels.{name}": channel for name, channel in configuration.channels.items()}
    for part, value in parts.items():
        for where, secret in list_secrets(part, value):
            try:
                configuration.read_secret(secret)
            except ConfigError as error:
                yield f"{where}: {error}"


def read_secret(secret: Secret, environ: Mapping[str, str], folder: Path) -> str:
    """
    Return a secret from where it is kept; raises ConfigError that never shows it.

    A relative path is taken from *folder*.
    """
    if secret.env:
        if not environ.get(secret.env):
            raise ConfigError(f"the environment variable {secret.env} is not set")
        return environ[secret.env]
    if secret.file:
        return read_secret_file(folder / secret.file)
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    if not credentials:
        raise ConfigError(
            f"the credential {secret.credential} is not there: systemd gives none; "
            f"add LoadCredential={secret.credential}:PATH to the unit"
        )
    return read_secret_file(Path(credentials) / secret.credential)


def read_secret_file(path: Path) -> str:
    """Return the text of a secret's file without its line end."""
    try:
        text = path.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"the secret in {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the secret in {path} is no UTF-8") from None
    if not text:
        raise ConfigError(f"the secret in {path} is empty")
    return text
