"""Bodies, strictly: one JSON object in UTF-8, no duplicate names, no NaN, no lone surrogates, nothing too deep."""

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja import Schema
from ninja.parser import Parser
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


def unreadable(request: HttpRequest, error: Any) -> NoReturn:
    """Ninja's word for a body that the parser refused."""
    raise Refusal("invalid_request") from error


def invalid(request: HttpRequest, error: Any) -> NoReturn:
    """Pydantic's findings, as `errors` of the refusal: the field, and what is wrong with it."""
    findings = [
        {"field": ".".join(str(step) for step in found["loc"][2:]) or str(found["loc"][-1]), "detail": found["msg"]}
        for found in error.errors
    ]
    raise Refusal("invalid_request", errors=findings) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
