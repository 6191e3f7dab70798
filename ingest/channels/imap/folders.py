"""Names of folders: as config.toml has them, and as the server wants them."""

from collections.abc import Sequence

from msgspec import Struct

from ingest.channels.imap.wire import Client

Listed = Sequence[tuple[Sequence[bytes], bytes | None, str]]
"""What the library returns of LIST: flags, delimiter, name."""


class Place(Struct, frozen=True):
    """A folder that mails are put into, and whether it is there."""

    name: str
    exists: bool


def find_place(wanted: str, listed: Listed, prefix: str, delimiter: str) -> Place:
    """
    Return the folder that config.toml means by *wanted*.

    ``Archive/read`` is written with a slash whatever the server has. Where all folders lie beneath
    INBOX, *prefix* is put before it. A name with a backslash before it is a role (RFC 6154).
    """
    if wanted.startswith("\\"):
        role = wanted.lower().encode()
        for flags, _, name in listed:
            if role in (flag.lower() for flag in flags):
                return Place(name, exists=True)
        wanted = wanted[1:]
    names = {name for _, _, name in listed}
    local = wanted.replace("/", delimiter) if delimiter else wanted
    full = local if local.startswith(prefix) else prefix + local
    for name in (full, local, wanted):
        if name in names:
            return Place(name, exists=True)
    return Place(full, exists=False)


def find_namespace(client: Client) -> tuple[str, str]:
    """Return what stands before the names of our own folders, and between their levels."""
    if personal := ask_for_namespace(client):
        prefix, delimiter = personal[0]
        return str(prefix), str(delimiter or "")
    root = client.list_folders("", "")
    delimiter = root[0][1] if root else None
    return "", delimiter.decode("latin-1") if isinstance(delimiter, bytes) else "/"


def ask_for_namespace(client: Client) -> Sequence[tuple[str, str | None]]:
    """Return the namespaces of our own folders; none where the server has no word for them."""
    if not client.has_capability("NAMESPACE"):
        return ()
    try:
        return client.namespace().personal or ()
    except client.AbortError:
        raise
    except (client.Error, TypeError):  # of an answer that is missing the library says so
        return ()


def open_places(client: Client, wanted: Sequence[str]) -> dict[str, str]:
    """Return for each name of config.toml that of the server; what lacks is made if we may."""
    prefix, delimiter = find_namespace(client)
    client.wire.allow()
    listed = client.list_folders()
    found = {}
    for name in filter(None, wanted):
        place = find_place(name, listed, prefix, delimiter)
        if not place.exists:
            try_to_make_folder(client, place.name)
        found[name] = place.name
    return found


def try_to_make_folder(client: Client, name: str) -> None:
    """Make a folder; where the server refuses, putting mails into it will tell."""
    try:
        make_folder(client, name)
    except client.AbortError:
        raise
    except client.Error:
        return


def make_folder(client: Client, name: str) -> None:
    """Make a folder and show it in mail programs; one that another has just made is good too."""
    client.wire.allow()
    try:
        client.create_folder(name)
    except client.AbortError:
        raise
    except client.Error:
        if not client.folder_exists(name):
            raise
    try:
        client.subscribe_folder(name)
    except client.AbortError:
        raise
    except client.Error:
        return
