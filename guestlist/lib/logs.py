"""One line an event: time, level, request id, words; nothing from outside can end the line or colour it."""

import copy
import logging
import re
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class OneLine(logging.Formatter):
    """Plain lines for people and collectors alike; a traceback stays below its line, indented."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(request_id)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, with control characters and line breaks of its message made visible."""
        record = copy.copy(record)
        record.request_id = request_id.get()
        record.msg, record.args = CONTROL.sub(_visible, record.getMessage()).replace("\n", "\\n"), None
        return CONTROL.sub(_visible, super().format(record)).replace("\n", "\n    ")


def _visible(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"
