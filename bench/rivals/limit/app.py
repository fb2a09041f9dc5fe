"""The bare function. One connection for each of the server's few threads, statements prepared."""

import os
import sqlite3
import threading

import psycopg

from bench.rivals.limit import shown
from bench.rivals.rival import SQLITE

STATEMENT = shown.PROFILE.replace("%s", "?") if shown.IS_SQLITE else shown.PROFILE
_here = threading.local()


def application(environ, start_response):
    id_, digest = shown.presented(environ.get("HTTP_AUTHORIZATION", ""))
    rows = _connection().execute(STATEMENT, (id_, id_, shown.now())).fetchall()
    answer = shown.profile(rows, digest)
    status = "200 OK" if answer else "401 Unauthorized"
    answer = answer or b"{}"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]


def _connection():
    if not hasattr(_here, "connection"):
        if shown.IS_SQLITE:
            _here.connection = sqlite3.connect(os.environ["DATABASE_URL"].removeprefix("sqlite:///"))
            _here.connection.executescript(SQLITE)
        else:
            _here.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0)
    return _here.connection
