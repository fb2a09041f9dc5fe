"""The page that tells a browser what went wrong."""

from django.db import OperationalError
from django.test import Client


def test_a_page_that_is_not_there_says_so_kindly():
    answer = Client().get("/nowhere/", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    page = answer.content.decode()
    assert "Nobody lives here" in page
    assert answer["X-Request-ID"] in page


def test_without_a_database_the_page_still_comes(monkeypatch):
    def away(_):
        raise OperationalError("away")

    monkeypatch.setattr("guestlist.api.profile_sql.profile", away)
    client = Client(headers={"Accept": "text/html", "Accept-Language": "ru"})
    client.cookies["guestlist_session"] = f"{'A' * 22}.{'B' * 43}"
    answer = client.get("/")  # no `db` fixture: a look into the database would fail the test
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert "Скоро вернёмся" in answer.content.decode()


def test_no_page_looks_into_the_database_before_somebody_is_known():
    assert Client().get("/").status_code == 200
