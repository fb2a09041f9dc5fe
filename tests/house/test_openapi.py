"""openapi.json is what the code says, complete: each operation with its words, its refusals, and who may call it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from guestlist import __version__
from guestlist.api import errors
from guestlist.api.urls import api
from tests import servers

DOCUMENT = api.get_openapi_schema()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
ALWAYS = {"unavailable", "internal_error"}
BODY = {"invalid_request", "length_required", "too_large", "unsupported_media_type"}
READ, CHANGE = {"not_signed_in"}, {"not_signed_in", "csrf_failed"}
ENTER = {"malformed_invite", "own_invite", "invite_loop", "unknown_invite", "already_activated"}

REFUSALS = {  # what the contract says of each, at least
    "POST /user/login/": BODY | {"invalid_phone", "phone_not_allowed", "cross_site", "delivery_failed"},
    "POST /user/confirm/": BODY | {"invalid_phone", "wrong_code", "code_expired", "person_blocked", "cross_site"},
    "POST /user/logout/": CHANGE,
    "GET /user/sessions/": READ,
    "DELETE /user/sessions/": CHANGE,
    "DELETE /user/sessions/{session_id}/": CHANGE | {"not_found"},
    "POST /user/token/": BODY | CHANGE | {"too_many_requests"},
    "GET /user/user-profile/": READ,
    "POST /user/user-profile/": BODY | CHANGE | {"invalid_email", "invalid_username"},
    "PATCH /user/user-profile/": BODY | CHANGE | {"invalid_email", "invalid_username"},
    "POST /user/user-profile/activate-code/": BODY | CHANGE | ENTER,
    "POST /user/user-profile/activate-code/preview/": BODY | CHANGE | ENTER | {"too_many_requests"},
    "DELETE /user/user-profile/": CHANGE | {"confirm_again"},
    "GET /user/export/": READ | {"too_many_requests"},
    "POST /user-profile/activate-code/": BODY | CHANGE | ENTER,
    "GET /user/user-profile/activeusers/": READ | {"invalid_request"},
    "GET /health/live/": set(),
    "GET /health/ready/": {"unavailable"},
    "GET /sandbox/inbox/": {"not_found", "invalid_phone", "invalid_request"},
}

each_operation = pytest.mark.parametrize("name", OPERATIONS)


def declared(operation: dict[str, Any]) -> dict[int, set[str]]:
    """The refusals that an operation declares, by status."""
    return {
        int(status): set(re.findall(r"`(\w+)`", answer["description"]))
        for status, answer in operation["responses"].items()
        if int(status) >= 400
    }


def nodes(found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict):
        yield found
        for value in found.values():
            yield from nodes(value)
    elif isinstance(found, list):
        for value in found:
            yield from nodes(value)


def test_the_file_in_the_repository_is_what_the_code_says(capsys):
    call_command("openapi")
    printed = capsys.readouterr().out
    assert json.loads(printed) == json.loads(json.dumps(DOCUMENT))
    assert (servers.ROOT / "openapi.json").read_text(encoding="utf-8") == printed, "run `make openapi`"


def test_the_address_answers_the_same_document(client):
    answer = client.get("/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == json.loads(json.dumps(DOCUMENT))


def test_it_is_openapi_3_1_of_this_version():
    assert re.fullmatch(r"3\.1\.\d", DOCUMENT["openapi"])
    assert (DOCUMENT["info"]["title"], DOCUMENT["info"]["version"]) == ("Guestlist", __version__)
    assert len(DOCUMENT["info"]["description"]) > 100


def test_every_operation_of_the_contract_is_there():
    assert set(REFUSALS) <= set(OPERATIONS)


def test_every_path_ends_with_a_slash():
    assert all(path.startswith("/") and path.endswith("/") for path in DOCUMENT["paths"])


@each_operation
def test_every_operation_has_words_for_people(name):
    operation = OPERATIONS[name]
    assert len(operation["summary"]) > 5
    assert len(operation["description"]) > 20
    assert operation["tags"]
    for parameter in operation.get("parameters", []):
        assert parameter["schema"]["type"]
    for answer in operation["responses"].values():
        assert answer["description"]


def test_every_operation_has_a_name_of_its_own():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z_]+", name) for name in names)


@each_operation
def test_every_operation_declares_all_its_refusals_under_their_statuses(name):
    found = declared(OPERATIONS[name])
    assert {code: status for status, codes in found.items() for code in codes} == {
        code: errors.STATUS[code] for codes in found.values() for code in codes
    }
    assert ALWAYS | REFUSALS.get(name, set()) <= {code for codes in found.values() for code in codes}
    assert ("requestBody" in OPERATIONS[name]) == (found.keys() >= {411, 413, 415})


@each_operation
def test_every_refusal_is_a_problem(name):
    for status, answer in OPERATIONS[name]["responses"].items():
        schema = {"$ref": "#/components/schemas/Problem"}
        if int(status) >= 400:
            assert answer["content"] == {"application/problem+json": {"schema": schema}}
        else:
            assert list(answer["content"]) == ["application/json"]


def test_every_name_of_a_refusal_is_in_the_schema_and_can_be_met():
    names = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert names == sorted(errors.STATUS)
    met = {code for operation in OPERATIONS.values() for codes in declared(operation).values() for code in codes}
    elsewhere = {"method_not_allowed", "invalid_host", "forbidden"}  # of no operation: the door's and the pages'
    assert met | elsewhere == set(names)


@each_operation
def test_who_must_be_signed_in_may_be_so_by_bearer_or_cookie(name):
    operation = OPERATIONS[name]
    is_signed = "not_signed_in" in declared(operation).get(401, set())
    assert operation.get("security") == ([{"bearer": []}, {"cookie": []}] if is_signed else None)


def test_who_may_call_is_named():
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert (schemes["cookie"]["in"], schemes["cookie"]["name"]) == ("cookie", "guestlist_session")


def test_every_reference_leads_somewhere_and_every_schema_is_used():
    references = {node["$ref"] for node in nodes(DOCUMENT) if isinstance(node.get("$ref"), str)}
    assert references == {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}


def test_every_field_of_a_body_is_described_with_an_example():
    for operation in OPERATIONS.values():
        if "requestBody" not in operation:
            continue
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for name, field in DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]["properties"].items():
            assert field.get("description"), (reference, name)


def test_nothing_of_the_library_shines_through():
    text = json.dumps(DOCUMENT)
    for trace in ("ninja", "Ninja", "pydantic", "x-refusals", "x-signed", "NOT_SET"):
        assert trace not in text
