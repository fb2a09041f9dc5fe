"""Bodies, strictly: one JSON object in UTF-8, no duplicate names, no NaN, no lone surrogates, nothing too deep."""

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Schema
from ninja.parser import Parser
from ninja.renderers import JSONRenderer
from pydantic import ConfigDict

from guestlist.lib.refusals import Refusal


class Body(Schema):
    """A request's body: wrong types are refused, unknown fields ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


class StrictParser(Parser):
    """Reads what json.loads would let through as refusals."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body as a dict; ValueError for anything else, which ninja answers as 400."""
        text = request.body.decode("utf-8")
        try:
            found = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
        except RecursionError as error:
            raise ValueError("too deep") from error
        if not isinstance(found, dict):
            raise ValueError("not an object")
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode("utf-8")  # a lone surrogate does not encode
        return found


class Renderer(JSONRenderer):
    """Answers as people write: letters as themselves, not as escapes."""

    json_dumps_params = {"ensure_ascii": False}


def unreadable(request: HttpRequest, error: Any) -> NoReturn:
    """Ninja's word for a body that the parser refused."""
    raise Refusal("invalid_request") from error


def invalid(request: HttpRequest, error: Any) -> NoReturn:
    """Pydantic's findings, as `errors` of the refusal: the field, and what is wrong with it."""
    findings = [{"field": _field(found["loc"]), "detail": _words(found)} for found in error.errors]
    raise Refusal("invalid_request", errors=findings) from error


def passed_on(request: HttpRequest, error: Any) -> NoReturn:
    """Everything else is the door's; left alone, ninja shows tracebacks while debugging."""
    raise error


def _field(place: tuple[str | int, ...]) -> str:
    """`phone` for ("body", "payload", "phone") and for ("query", "phone"); empty for the whole body."""
    return ".".join(str(step) for step in place[2 if place[0] == "body" else 1 :])


def _words(found: dict[str, Any]) -> str:
    kind, limits = found["type"], found.get("ctx", {})
    if kind == "missing":
        return gettext("This is missing.")
    if kind == "string_type":
        return gettext("This must be text.")
    if kind == "string_too_long":
        return gettext("This has more than %(max)s characters.") % {"max": limits["max_length"]}
    if kind == "literal_error":
        return gettext("This must be one of: %(expected)s.") % {"expected": limits["expected"]}
    if kind in ("int_parsing", "int_type", "greater_than_equal", "less_than_equal"):
        return gettext("This must be a whole number in the range that the API describes.")
    return gettext("This does not fit what the API describes.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
