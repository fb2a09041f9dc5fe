"""A connection of one's own, which is not the pool's: for what takes a session for itself."""

from typing import Any

import psycopg

DJANGOS = ("context", "cursor_factory", "prepare_threshold")  # of a connection that makes statements of Django's


def opened(wrapper: Any, *, autocommit: bool) -> "psycopg.Connection[tuple[Any, ...]]":
    """A connection to where Django's `wrapper` connects to; whoever opens it closes it."""
    wanted = {name: value for name, value in wrapper.get_connection_params().items() if name not in DJANGOS}
    return psycopg.connect(**wanted, autocommit=autocommit)
