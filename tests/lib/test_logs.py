"""The log: one line an event, and nothing from outside can end it, begin another or colour it."""

import logging
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guestlist.lib.logs import CONTROL, OneLine, request_id

FORGED = "2026-01-01 00:00:00,000 INFO - guestlist: operator signed in"


def line(message: str, *args: object, **more: object) -> str:
    record = logging.getLogger("guestlist.test").makeRecord(
        "guestlist.test", logging.INFO, __file__, 1, message, args, more.get("exc_info")
    )
    return OneLine().format(record)


def test_a_line_tells_the_time_the_level_the_request_and_the_words():
    mark = request_id.set("0123456789abcdef")
    try:
        told = line("phone %s", "Анна")
    finally:
        request_id.reset(mark)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO 0123456789abcdef guestlist\.test: phone Анна", told)


@pytest.mark.parametrize(
    "forging",
    [
        f"x\n{FORGED}",
        f"x\r\n{FORGED}",
        f"x\r{FORGED}",
        f"x\N{LINE SEPARATOR}{FORGED}",
        f"x\N{PARAGRAPH SEPARATOR}{FORGED}",
        f"x\N{NEXT LINE}{FORGED}",
        f"x\x0b{FORGED}",
        f"x\x0c{FORGED}",
        "\x1b[31mred\x1b[0m",
        "\x9b31mred",
        "\x1b]0;title\x07",
        "a\x00b\x08c\x7f",
    ],
)
def test_no_message_and_no_argument_can_forge_a_line_or_a_colour(forging):
    for told in (line(forging), line("%s", forging), line("phone=%s agent=%r", forging, forging)):
        assert len(told.splitlines()) == 1
        assert not CONTROL.search(told)
        assert not re.match(re.escape(FORGED[:19]), told)


def test_what_was_there_stays_readable():
    assert line("a\r\nb\x1b[0m").endswith(r"a\x0d\nb\x1b[0m")


@given(st.text(), st.text())
@example("%s", "\r\n")
def test_any_words_make_exactly_one_line(message, argument):
    told = line("%s %s", message, argument)
    assert len(told.splitlines()) == 1
    assert "\x1b" not in told


@given(st.text())
@example(f"x\n{FORGED}")
@example(f"x\r{FORGED}\x1b[2K")
def test_a_traceback_stays_below_its_line_and_indented(words):
    try:
        raise ValueError(words)
    except ValueError as error:
        told = line("it broke", exc_info=(type(error), error, error.__traceback__))
    first, *below = told.split("\n")
    assert first.endswith("it broke")
    assert below
    assert all(one.startswith("    ") for one in below)
    assert len(told.splitlines()) == 1 + len(below)


def test_other_formatters_see_the_record_as_it_was():
    record = logging.makeLogRecord({"msg": "a %s", "args": ("\n",), "levelno": logging.INFO, "levelname": "INFO"})
    OneLine().format(record)
    assert (record.msg, record.args, record.exc_text) == ("a %s", ("\n",), None)


def test_every_event_goes_through_that_form(settings):
    assert {handler["formatter"] for handler in settings.LOGGING["handlers"].values()} == {"line"}
    assert settings.LOGGING["formatters"]["line"]["()"] == "guestlist.lib.logs.OneLine"
