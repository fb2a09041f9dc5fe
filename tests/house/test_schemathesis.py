"""schemathesis reads openapi.json and asks a real server what nobody thought of: 25 examples an operation (C75)."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from guestlist.api.urls import api
from tests import servers
from tests.race.wire import one, sign_in

try:
    import schemathesis
except ImportError:
    missing = "schemathesis is not installed; `make check` installs it"
    if os.environ.get("REQUIRE_ALL") == "1":
        raise
    pytest.skip(missing, allow_module_level=True)

import hypothesis
from schemathesis import checks

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "25"))  # 10 minutes by hand: 5000
schema = schemathesis.openapi.from_dict(api.get_openapi_schema())
PROMISES = [
    checks.not_a_server_error,
    *(
        checks.CHECKS.get_one(name)
        for name in (
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
            "negative_data_rejection",
            "unsupported_method",
            "allow_header_conformance",
            "ignored_auth",
        )
    ),
]
# Not asked: positive_data_acceptance, for not every text is a phone number or an invite code.

tokens: dict[str, str] = {}


def headers(url: str, operation: Any) -> dict[str, str]:
    """A bearer that lives: the example before may have ended its session."""
    if "security" not in operation.definition.raw:
        return {}
    token = tokens.get(url, "")
    if not token or one(url, "/user/user-profile/", None, token, "GET").status != 200:
        token = tokens[url] = sign_in(url, "+79001112233")
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """A real server on a database of the kind that the suite runs on: a NUL is a fault on PostgreSQL only."""
    kind = {"sqlite": "sqlite", "postgresql": "postgres", "mysql": "mariadb"}[connection.vendor]
    with (
        servers.fresh_database(kind, tmp_path_factory.mktemp("schemathesis")) as database,
        servers.running(database, SANDBOX_DELAY="0") as found,
    ):
        yield found


@schema.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_whatever_fits_the_document_or_not_is_answered_as_it_says(case, url):
    case.call_and_validate(base_url=url, headers=headers(url, case.operation), checks=PROMISES)
