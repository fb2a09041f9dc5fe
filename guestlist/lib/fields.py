"""Columns that compare byte by byte, on every database: codes, tokens, digests, phone numbers."""

from typing import Any

from django.db import models

BINARY = {"postgresql": "C", "mysql": "utf8mb4_bin", "sqlite": "BINARY"}


class ExactCharField(models.CharField):  # type: ignore[type-arg]
    """Text under a binary collation: `a` is not `A`, `ı` is not `i`, whatever the database's own default is."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        """The column's type, with the binary collation of this database."""
        return {**super().db_parameters(connection), "collation": BINARY[connection.vendor]}
