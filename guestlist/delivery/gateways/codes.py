"""Providers' short error codes, which may be kept. Their sentences may hold the number or the message."""

import re

CODE = re.compile(r"(?!.*\d{7})[A-Za-z0-9_.-]{1,40}")  # seven digits may be a piece of a number


def code(found: object) -> str:
    """The code; empty for anything that could be more than one."""
    text = str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
    return text if CODE.fullmatch(text) else ""
