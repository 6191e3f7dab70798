"""Undoes the line breaks of format=flowed (RFC 3676): even a number may be cut by one."""

import re

SIGNATURE = "-- "


def join_flowed(text: str, *, delsp: bool) -> str:
    """Return *text* with each paragraph on one line; with *delsp* the blank at a break goes too."""
    paragraphs: list[list[str]] = []
    depth_before, flows = 0, False
    for line in re.split(r"\r\n|\r|\n", text):
        depth, content = split_marks(line)
        if not flows or depth != depth_before or content == SIGNATURE:
            paragraphs.append([f"{'>' * depth} "] if depth else [])
        flows, depth_before = content.endswith(" ") and content != SIGNATURE, depth
        paragraphs[-1].append(content[:-1] if flows and delsp else content)
    return "\n".join("".join(pieces) for pieces in paragraphs)


def split_marks(line: str) -> tuple[int, str]:
    """Return how deep a line is quoted, and the rest without the blank that was put before it."""
    content = line.lstrip(">")
    return len(line) - len(content), content.removeprefix(" ")
