"""One line an event: time, level, request id, words; nothing from outside can end the line or colour it."""

import copy
import json
import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

from guestlist.lib import metrics

Fact = str | int | bool | None

request_id: ContextVar[str] = ContextVar("request_id", default="-")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
PLAIN = re.compile(r"[\w.:+*/@-]+", re.ASCII)  # every other value is quoted
LONGEST = 100  # characters of a value

log = logging.getLogger("guestlist.events")
counted = metrics.counter("events_total", "Events of the log, by name and reason.", ("event", "reason"))


def event(name: str, told: Mapping[str, Fact], reason: str = "") -> None:
    """Write the line of an event: its stable name, then `key=value` for all that is told of it. And count it.

    `reason` is by what it is counted apart: a name of ours, never anything that was typed.
    """
    counted.labels(name, reason).inc()
    log.info("%s", f"{name} {words(told)}".rstrip(), extra={"told": {"event": name, **_known(told)}})


def words(told: Mapping[str, Fact]) -> str:
    """`key=value key="a quoted value"`, which no value can end or continue; what is empty is left out."""
    return " ".join(f"{key}={_quoted(value)}" for key, value in _known(told).items())


class OnlyFaults(logging.Filter):
    """Lets only what has a traceback through."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record tells of an exception."""
        return bool(record.exc_info)


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


class OneObject(logging.Formatter):
    """One JSON object a line, all ASCII; what is told of an event stands in fields of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as an object."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "request_id": request_id.get(),
            "logger": record.name,
            **(getattr(record, "told", None) or {"message": record.getMessage()}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _known(told: Mapping[str, Fact]) -> dict[str, Fact]:
    return {
        key: value[:LONGEST] if isinstance(value, str) else value
        for key, value in told.items()
        if value is not None and value != ""
    }


def _quoted(value: Fact) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if PLAIN.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in quoted)  # colours, bidi, surrogates


def _visible(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"
