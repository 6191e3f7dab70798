"""What a partner is shown of its files by HTTP: where each is, how far it got, its answer."""

import json
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from ingest.channels.deposits import ANSWERS, Deposit, show_name
from ingest.channels.door import Refusal
from ingest.channels.registry.progress import WatchedSink
from ingest.channels.registry.threads import in_thread
from ingest.channels.registry.whereabouts import (
    Where,
    Whereabouts,
    find_answer,
    find_file,
    list_answered,
    list_under_way,
)
from ingest.errors import TransientError

MOST_SHOWN = 1000
"""Answered files in one list, the newest of them."""
ASK_AGAIN = 5
"""Seconds after which it is worth to ask for an answer again."""
PARTS = dict(zip(("result", "failed", "summary"), ANSWERS, strict=True))
TYPES = {"result": "text/csv", "failed": "text/csv", "summary": "text/plain"}
ENCODINGS = {"cp1251": "windows-1251", "cp866": "ibm866"}
"""What those are called on the web; the others have the same name there."""


class Shelf:
    """Shows the files of one partner."""

    def __init__(self, root: Path, url: str, encoding: str, sink: WatchedSink) -> None:
        self._root = root
        self._url = url
        """Of the list; what belongs to one file stands below it."""
        self._encoding = encoding
        """Of the answers; empty where each file has its own."""
        self._sink = sink

    async def list_files(self) -> web.Response:
        """List the files that are under way, and those that were answered last."""
        under_way = await in_thread(list_under_way, self._root)
        answered = await in_thread(list_answered, self._root, MOST_SHOWN)
        files = [self.describe(one) for one in [*reversed(under_way), *answered]]
        return answer_json(HTTPStatus.OK, {"files": files})

    def describe(self, one: Whereabouts) -> dict[str, object]:
        """Say of a file where it is."""
        return {
            "file": show_name(one.name),
            "state": one.where.value,
            "size": one.size,
            "since": one.since.isoformat(timespec="seconds"),
            "status": self.spell_status(one.name),
        }

    def spell_status(self, name: str) -> str:
        """Return the address of the answer to a file."""
        return f"{self._url}/{quote(name, safe='', errors='surrogateescape')}/receipt"

    def acknowledge(self, deposit: Deposit) -> web.Response:
        """Say that a file has been taken, or was before."""
        status = self.spell_status(deposit.name)
        told = {
            "file": show_name(deposit.name),
            "size": deposit.size,
            "sha256": deposit.sha256,
            "status": status,
        }
        code = HTTPStatus.CREATED if deposit.is_new else HTTPStatus.OK
        return answer_json(code, told, {"Location": status})

    async def show_receipt(self, name: str, part: str, accept: str) -> web.StreamResponse:
        """Return the answer to a file, or how far the file is."""
        one = await in_thread(find_file, self._root, name)
        if one is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "unknown", "there is no file of this name")
        if not one.is_answered:
            told = self.describe(one) | await self.find_progress(one)
            return answer_json(HTTPStatus.ACCEPTED, told, {"Retry-After": str(ASK_AGAIN)})
        if not part and accept.lower().startswith("application/json"):
            return answer_json(HTTPStatus.OK, self.describe(one))
        return await self.send_part(one, part or choose_part(accept), is_asked=bool(part))

    async def send_part(self, one: Whereabouts, part: str, *, is_asked: bool) -> web.StreamResponse:
        """Send one file of an answer; who asked for none in particular gets the one there is."""
        suffix = PARTS.get(part)
        if suffix is None:
            known = ", ".join(PARTS)
            raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", f"part is one of {known}")
        path = await in_thread(find_answer, self._root, one.name, suffix)
        if path is None and not is_asked:
            part = "summary"
            path = await in_thread(find_answer, self._root, one.name, PARTS[part])
        if path is None:
            raise Refusal(
                HTTPStatus.NOT_FOUND, "unknown", "the answer to this file has no such part"
            )
        kind = TYPES[part]
        if self._encoding:
            kind += f"; charset={ENCODINGS.get(self._encoding, self._encoding)}"
        shown = quote(path.name, safe="", errors="surrogateescape")
        return web.FileResponse(
            path,
            headers={
                "Content-Type": kind,
                "Content-Disposition": f"attachment; filename*=UTF-8''{shown}",
                "X-Content-Type-Options": "nosniff",
                "X-File-State": one.where.value,
            },
        )

    async def find_progress(self, one: Whereabouts) -> dict[str, object]:
        """Say how much of a file is committed; nothing of one that is not at work."""
        if one.where is not Where.AT_WORK:
            return {}
        progress = self._sink.find_progress(show_name(one.path.name))
        if progress is None:
            return {"lines": 0, "bytes": 0, "outcomes": {}}
        counts: Mapping[str, int] = {}
        with suppress(TransientError):  # how far it got is known all the same
            counts = await self._sink.count_results(progress)
        return {
            "receipt": progress.receipt,
            "lines": progress.lines,
            "bytes": progress.offset,
            "outcomes": dict(counts),
        }


def choose_part(accept: str) -> str:
    """Return which file of an answer a client prefers."""
    return "summary" if accept.lower().startswith("text/plain") else "result"


def answer_json(
    status: HTTPStatus, told: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a JSON document."""
    body = json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
