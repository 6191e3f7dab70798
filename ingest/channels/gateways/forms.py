"""The fields of a request as HTML forms write them: query, urlencoded or multipart. Pure."""

import re

from ingest.channels.gateways.encodings import decode_labelled, mend_percent
from ingest.channels.gateways.request import FORM, GatewayRequest, clean_text, split_form

BOUNDARY = re.compile(r'boundary="?([^";\s]{1,70})', re.IGNORECASE)
NAME = re.compile(rb'[;\s]name="([^"\r\n]*)"', re.IGNORECASE)


def read_form(request: GatewayRequest) -> dict[str, bytes]:
    """Return the fields of *request*; those of a POST's body go before those of the query."""
    fields = split_form(request.query)
    if request.method == "POST":
        fields |= read_body(request)
    return fields


def read_body(request: GatewayRequest) -> dict[str, bytes]:
    """Return the fields of a body, in whichever of the two ways it is written."""
    if not request.content_type.lower().startswith("multipart/"):
        return split_form(request.body)
    found = BOUNDARY.search(request.content_type)
    return split_multipart(request.body, found[1].encode("utf-8", "replace")) if found else {}


def split_multipart(body: bytes, boundary: bytes) -> dict[str, bytes]:
    """Read a ``multipart/form-data`` body; of a repeated field the first counts."""
    fields: dict[str, bytes] = {}
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        head, divider, value = piece.partition(b"\r\n\r\n")
        name = NAME.search(head)
        if divider and name:
            fields.setdefault(name[1].decode("utf-8", "replace"), value)
    return fields


def read_field(fields: dict[str, bytes], name: str) -> str:
    """Return a short field as text without blanks round it; empty when it is not there."""
    return clean_text(decode_labelled(mend_percent(fields.get(name, b"")), "utf-8")).strip()


def keep_raw(request: GatewayRequest) -> tuple[bytes, str]:
    """Return what is kept of *request*: its body, or the query of a GET; and its media type."""
    if request.method == "POST":
        return request.body, request.content_type or FORM
    return request.query, FORM
