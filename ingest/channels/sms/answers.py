"""What a gateway is told: its own OK."""

from aiohttp import web

from ingest.channels.gateways.request import Answer


def render_answer(answer: Answer) -> web.Response:
    """Turn a gateway's answer into a response."""
    content_type = answer.content_type
    if content_type.startswith("text/") and "charset" not in content_type:
        content_type += "; charset=utf-8"
    headers = {"Content-Type": content_type, **dict(answer.headers)}
    return web.Response(status=answer.status, body=answer.body, headers=headers)
