"""A few logins of tests/attack/leaks.py on each database: no code and no token anywhere. By hand it does a thousand."""

import pytest

from tests import servers
from tests.attack import leaks

pytestmark = pytest.mark.race


@pytest.mark.parametrize("kind", servers.DATABASES)
def test_no_code_and_no_token_is_found_anywhere(kind):
    servers.need(servers.answers(kind), f"no {kind} answers")
    servers.need(leaks.redis_answers(), "no Redis answers")
    found = {place.place: place for place in leaks.search(kind, 12)}
    assert {place: found[place].leaks for place in found if found[place].leaks} == {}
    assert min(found[place].size for place in ("answers", "database", "operators' pages", "log")) > 5000


def test_what_is_looked_for_would_be_found():
    secrets = [leaks.Secrets("20261231", "challenge-token", "id.session-secret", "device-token")]
    text = b"phone +79001112233 code=20261231 session-secret x120261231"
    assert leaks.look("a log", text, secrets).leaks == ["20261231", "session-secret"]
