"""openapi.json (3.1): what ninja finds, completed with the refusals of each operation and who may call it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.constants import NOT_SET

from guestlist import __version__
from guestlist.api import errors

ABOUT = """
Sign-in by phone number and one-time code, profiles, and invite codes.

Ask for a code (`POST /user/login/`), confirm it (`POST /user/confirm/`), read the profile, enter one invite code.
Errors are `application/problem+json` (RFC 9457) with a stable `code`. Paths answer without their last slash too.
Browsers are recognised by cookie and send the `csrftoken` cookie's value as `X-CSRFToken`; others send
`Authorization: Bearer TOKEN`.
""".strip()
PROBLEM = "#/components/schemas/Problem"
WITH_BODY = ["invalid_request", "length_required", "too_large", "unsupported_media_type"]
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The `token` that a confirmation answered."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "guestlist_session",
        "description": "Set by a confirmation; under https its name is `__Host-guestlist_session`.",
    },
}
PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:guestlist:problem:wrong_code"]},
        "title": {"type": "string", "examples": ["Bad Request"]},
        "status": {"type": "integer", "examples": [400]},
        "detail": {"type": "string", "description": "A sentence in the caller's language."},
        "code": {"type": "string", "enum": sorted(errors.STATUS), "description": "The stable name; never translated."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "retry_after": {"type": "integer", "description": "Seconds; also in Retry-After."},
        "attempts_left": {"type": "integer"},
        "code_length": {"type": "integer"},
        "resend_in": {"type": "integer"},
        "request_id": {"type": "string"},
    },
}


def operation(
    method: Callable[..., Any],
    path: str,
    *,
    summary: str,
    returns: dict[int, Any],
    refusals: list[str],
    auth: Callable[[HttpRequest], Any] | None = None,
    signed: bool = True,
    operation_id: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Ninja's decorator, with our words: what is returned by status, and which refusals there are.

    `auth` is asked before the body is read; `signed` says whether it is somebody's session that is looked for.
    """
    extra = {"x-refusals": refusals, "x-signed": signed}

    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        view_id = operation_id or f"{view.__module__.rpartition('.')[2]}_{view.__name__}"
        register_in_ninja = method(
            path,
            auth=auth or NOT_SET,
            response=returns,
            exclude_unset=True,  # a field that a view leaves out is not in the answer
            summary=summary,
            openapi_extra=extra,
            operation_id=view_id,
        )
        register_in_ninja(view)
        return view

    return register


class GuestlistAPI(NinjaAPI):
    """Ninja's API object with our schema."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            title="Guestlist", version=__version__, description=ABOUT, openapi_url=None, docs_url=None, **kwargs
        )

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        """The whole document."""
        document = super().get_openapi_schema(path_prefix="", **kwargs)
        document["components"]["securitySchemes"] = SCHEMES
        document["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
        for methods in document["paths"].values():
            for method, found in methods.items():
                _complete(found, changes=method != "get")
        return document


def _complete(found: dict[str, Any], *, changes: bool) -> None:
    refusals = [*found.pop("x-refusals"), "unavailable", "internal_error"]
    if "requestBody" in found:
        refusals += WITH_BODY
        content = found["requestBody"]["content"]["application/json"]
        if "allOf" in content["schema"]:  # of a body that may be left out: its default is no part of the document
            (content["schema"],) = content["schema"]["allOf"]
    if found.pop("x-signed"):
        refusals += ["not_signed_in", *(["csrf_failed"] if changes else [])]
        found["security"] = [{"bearer": []}, {"cookie": []}]
    by_status: dict[int, list[str]] = {}
    for code in sorted(set(refusals)):
        by_status.setdefault(errors.STATUS[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        found["responses"][str(status)] = {
            "description": " · ".join(f"`{code}`" for code in codes),
            "content": {"application/problem+json": {"schema": {"$ref": PROBLEM}}},
        }
    found["responses"] = {str(status): answer for status, answer in found["responses"].items()}
