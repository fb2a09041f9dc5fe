"""How tables are made on PostgreSQL: as Django makes them, without indexes that say nothing new."""

from typing import Any

from django.db.backends.postgresql.schema import DatabaseSchemaEditor


class SchemaEditor(DatabaseSchemaEditor):
    """Django's own."""

    def _create_like_index_sql(self, model: Any, field: Any) -> Any:
        # Django's second index on a text is for LIKE 'begins%'. Under the collation C the first one does that too.
        if field.db_parameters(connection=self.connection).get("collation") == "C":
            return None
        return super()._create_like_index_sql(model, field)  # type: ignore[misc]
