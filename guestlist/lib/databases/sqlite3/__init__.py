"""Django's sqlite3 backend, pooled."""
