"""Columns that compare byte by byte, on every database: codes, tokens, digests, phone numbers."""

from typing import Any

from django.db import models

BINARY = {"postgresql": "C", "mysql": "utf8mb4_0900_bin", "mariadb": "utf8mb4_nopad_bin", "sqlite": "BINARY"}


class ExactCharField(models.CharField):  # type: ignore[type-arg]
    """Text under a binary collation, whatever the database's default is: `a` is neither `A` nor `a ` nor `á`."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        """The column's type, with the binary collation of this database."""
        kind = "mariadb" if getattr(connection, "mysql_is_mariadb", False) else connection.vendor
        return {**super().db_parameters(connection), "collation": BINARY[kind]}
