"""Fixtures of the pages: visitors, who have no script."""

from collections.abc import Callable

import pytest

from tests.web.visitors import Visitor

ALICE, BOB = "+79001112233", "+79005556677"


@pytest.fixture
def visitor(db) -> Callable[..., Visitor]:
    return Visitor


@pytest.fixture
def alice_looks(visitor) -> Visitor:
    return visitor().sign_in(ALICE)


@pytest.fixture
def bob_looks(visitor) -> Visitor:
    return visitor().sign_in(BOB)
