"""What is wrong with the ways by which batch files come in, that single fields cannot say."""

from collections.abc import Iterator

from ingest.checks.auth import check_auth
from ingest.checks.values import check_host, check_networks
from ingest.settings import (
    CertificateAuth,
    Config,
    HmacAuth,
    ImapSettings,
    RegistrySettings,
    SecretAuth,
    SftpSettings,
    SmtpSettings,
    UploadSettings,
)


def check_ways(
    where: str, channel: RegistrySettings, settings: Config, *, is_safe: bool
) -> Iterator[str]:
    """Yield what is wrong with uploads and fetches; *is_safe*: only this machine reaches us."""
    if channel.upload is not None:
        yield from check_upload(f"{where}.upload", channel.upload, settings, is_safe=is_safe)
    if channel.sftp is not None:
        yield from check_sftp(f"{where}.sftp", channel.sftp)


def check_upload(
    where: str, upload: UploadSettings, settings: Config, *, is_safe: bool
) -> Iterator[str]:
    """Yield what is wrong with how a partner uploads."""
    auth = upload.auth
    yield from check_networks(f"{where}.allow_from", upload.allow_from)
    if auth is None and not upload.allow_from and not is_safe:
        yield (
            f"{where}.auth: this table is missing, and http.listen can be reached from outside; "
            f"give [{where}.auth] or allow_from, or let http.listen be on 127.0.0.1"
        )
    if isinstance(auth, SecretAuth) and (auth.field or auth.path or not auth.header):
        yield f"{where}.auth.header: wanted the secret in a header alone, not in the address"
    if isinstance(auth, CertificateAuth) and not settings.http.trusted_proxies:
        yield (
            f"{where}.auth.kind: found 'certificate', wanted http.trusted_proxies with it: the "
            "header is believed from them alone"
        )
    if isinstance(auth, HmacAuth):
        yield from check_auth(f"{where}.auth", auth, settings.http.public_url)
        yield from check_hmac(f"{where}.auth", auth)


def check_hmac(where: str, auth: HmacAuth) -> Iterator[str]:
    """Yield what is missing in a signature of uploads, so that one could be used for another."""
    missing = [part for part in ("{url}", "{body}", "{timestamp}") if part not in auth.signed]
    if missing:
        yield (
            f"{where}.signed: found no {' and no '.join(missing)} in it, wanted '{{url}}', "
            "'{body}' (the SHA-256 of the file in hex) and '{timestamp}'"
        )
    if not auth.header:
        yield f"{where}.header: this key is missing: the signature of a file stands in a header"
    if not auth.timestamp_header:
        yield f"{where}.timestamp_header: this key is missing, so that an old request could be used"


def check_sftp(where: str, sftp: SftpSettings) -> Iterator[str]:
    """Yield what is wrong with how files are fetched."""
    yield from check_host(f"{where}.host", sftp.host)
    if bool(sftp.host_keys) == bool(sftp.known_hosts):
        yield (
            f"{where}.host_keys: wanted either the server's keys, as `ssh-keyscan HOST` shows them "
            "once you have compared them, or a file known_hosts"
        )
    for index, key in enumerate(sftp.host_keys):
        if len(key.split()) < len(("kind", "key")):
            yield (
                f"{where}.host_keys[{index}]: found {key[:40]!r}, wanted a key like "
                "'ssh-ed25519 AAAA...', without the name of the host"
            )
    if sftp.password is None and sftp.key is None:
        yield f"{where}.key: this key is missing, and so is password; wanted one of them"
    if sftp.passphrase is not None and sftp.key is None:
        yield f"{where}.passphrase: found without key, wanted both"
    yield from check_folders(where, sftp)


def check_folders(where: str, sftp: SftpSettings) -> Iterator[str]:
    """Yield folders of the server that would be fetched from and put into at once."""
    moved = sftp.after.removeprefix("move:") if sftp.after.startswith("move:") else ""
    for key, folder in (("after", moved), ("results", sftp.results)):
        if folder.rstrip("/") == sftp.directory.rstrip("/"):
            yield f"{where}.{key}: found the directory that is fetched from, wanted another"


def check_postings(settings: Config) -> Iterator[str]:
    """Yield what is wrong with mails whose files go to a channel for batch files."""
    for name, channel in settings.channels.items():
        if not channel.enabled or not isinstance(channel, SmtpSettings | ImapSettings):
            continue
        where = f"channels.{name}.registries"
        if channel.registries and channel.authentication is None:
            yield (
                f"channels.{name}.authentication: this table is missing, and registries needs it: "
                "an address alone is easily forged"
            )
        for address, target in channel.registries.items():
            if "@" not in address or address != address.lower():
                yield (
                    f"{where}: found {address!r}, wanted an address like list@partner.example, in "
                    "lower case"
                )
            found = settings.channels.get(target)
            if not isinstance(found, RegistrySettings) or not found.enabled:
                yield f"{where}.{address}: found {target!r}, wanted an enabled registry channel"
