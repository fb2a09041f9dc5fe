"""DATABASE_URL as Django has it: a connection for each of the server's few threads, kept open."""

import os
from urllib.parse import urlsplit


def database():
    url = urlsplit(os.environ["DATABASE_URL"])
    if url.scheme == "sqlite":
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.path[1:],
            "CONN_MAX_AGE": None,
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 5, "init_command": pragmas},
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path[1:],
        "USER": url.username,
        "PASSWORD": url.password,
        "HOST": url.hostname,
        "PORT": url.port or 5432,
        "CONN_MAX_AGE": None,
    }
