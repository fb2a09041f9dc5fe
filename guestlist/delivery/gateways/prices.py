"""Prices as providers write them: a number, or a text with one in it."""

from decimal import Decimal, InvalidOperation
from typing import Any

HIGHEST = 10**6  # a price above is none


def price(said: Any) -> Decimal | None:
    """The price; None for what is no number, negative or absurd."""
    try:
        found = Decimal(str(said))
    except InvalidOperation:
        return None
    return found if found.is_finite() and 0 <= found < HIGHEST else None
