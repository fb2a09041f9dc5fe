"""The pages of signing in, without a script."""

from datetime import timedelta

import pytest
from django.test import Client

from guestlist.lib import clock
from guestlist.lib.refusals import Refusal
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Session
from tests.guests import wrong

ALICE = "+79001112233"


def test_the_whole_way_needs_no_script(visitor):
    alice = visitor().see("/")
    assert "Come in with your phone" in alice.text

    alice.submit("/sign-in/", phone="8 (900) 111 22 33")
    assert (alice.statuses, alice.path) == ([302, 200], "/code/")
    assert "8 (900) 111-22-33" in alice.text

    alice.submit("/code/", code=alice.code)
    assert (alice.statuses, alice.path) == ([302, 200], "/")
    assert Person.objects.get(phone=ALICE).invite_code in alice.text
    assert "Nobody has come with you yet" in alice.text

    alice.submit("/sign-out/")
    assert "Come in with your phone" in alice.text
    assert not Session.objects.exists()


def test_a_page_sign_in_is_a_cookie_session_whatever_the_headers(visitor):
    alice = visitor(Authorization="Basic cHJveHk6cHJveHk=").sign_in(ALICE)
    assert Session.objects.get().kind == "cookie"
    cookie = alice.client.cookies["guestlist_session"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_signing_in_again_ends_the_session_before(visitor):
    alice = visitor().sign_in(ALICE)
    first = Session.objects.get().id
    alice.client.cookies["guestlist_phone"] = ""
    page = alice.client.get("/")
    token = page.context["csrf_token"]
    alice.client.post("/sign-in/", {"phone": ALICE, "csrfmiddlewaretoken": token})
    alice.see("/code/").submit("/code/", code=alice.code)
    assert [session.id for session in Session.objects.all()] != [first]
    assert Session.objects.count() == 1


def test_what_is_no_number_is_told_under_its_field_and_kept(visitor):
    alice = visitor().ask("12 <b>")
    assert alice.statuses == [400]
    assert "This is not a phone number we know how to reach." in alice.text
    field = alice.page.fields["phone"]
    assert field["value"] == "12 <b>"
    assert field["aria-invalid"] == "true"
    assert "phone-error" in field["aria-describedby"]
    assert "<b>" not in alice.html
    assert not Challenge.objects.exists()


def test_a_wrong_code_tells_how_many_tries_are_left_and_the_last_one_offers_a_new_code(visitor):
    alice = visitor().ask(ALICE).guess_wrong()
    assert alice.statuses == [400]
    assert "This is not the code. 2 tries left." in alice.text
    assert alice.page.fields["code"]["value"]
    assert "code-error" in alice.page.fields["code"]["aria-describedby"]
    assert "1 try left." in alice.guess_wrong().text
    code = alice.code
    alice.guess_wrong()
    assert "No tries left: ask for a new code." in alice.text
    assert "code" not in alice.page.fields
    assert "Send a new code" in alice.text

    alice.submit("/sign-in/")
    assert alice.path == "/code/"
    assert Challenge.objects.count() == 2
    assert alice.submit("/code/", code=alice.code).path == "/"
    assert code  # the first code may by chance be the second one, so nothing is said of it


def test_an_empty_code_costs_no_try(visitor):
    alice = visitor().ask(ALICE)
    for nothing in ("", "   ", "1" * 33):
        alice.submit("/code/", code=nothing)
        assert alice.statuses == [400]
        assert "Type the code from the message." in alice.text
    assert Challenge.objects.get().attempts == 0


@pytest.mark.parametrize("spelling", ["{0}{1}{2}{3}", " {0}{1} {2}{3} ", "{0}-{1}-{2}-{3}"])
def test_spaces_and_dashes_in_a_code_are_forgiven(visitor, spelling):
    alice = visitor().ask(ALICE)
    assert alice.submit("/code/", code=spelling.format(*alice.code)).path == "/"


def test_a_whole_message_may_be_pasted(visitor):
    alice = visitor().ask(ALICE)
    alice.submit("/code/", code=f"Your code is {alice.code}. Do not share it.\n\n@127.0.0.1 #{alice.code}")
    assert alice.path == "/"


@pytest.mark.parametrize("text", ["Codes {wrong} and {code}", "Room {code}{code}{code}", "code"])
def test_of_a_text_that_leaves_a_choice_nothing_is_guessed(visitor, text):
    alice = visitor().ask(ALICE)
    alice.submit("/code/", code=text.format(code=alice.code, wrong=wrong(alice.code)))
    assert (alice.path, alice.statuses[-1]) == ("/code/", 400)


def test_a_code_that_is_too_old_offers_a_new_one(visitor):
    alice = visitor().ask(ALICE)
    code = alice.code
    with clock.at(clock.now() + timedelta(seconds=301)):
        alice.submit("/code/", code=code)
        assert alice.statuses == [400]
        assert "This code is used up or too old." in alice.text
        assert "code" not in alice.page.fields
        alice.see("/code/")
        assert alice.statuses == [200]
        assert "This code is used up or too old." in alice.text
        alice.submit("/sign-in/")
        assert "code" in alice.page.fields


def test_the_sandbox_shows_this_browsers_own_code_and_not_another_ones(visitor):
    alice, mallory = visitor().ask(ALICE), visitor().ask(ALICE)
    shown = alice.see("/code/").code
    assert shown in alice.text
    assert mallory.code in mallory.text
    assert alice.submit("/code/", code=shown).path == "/"


def test_the_code_stands_in_no_cookie_and_the_number_in_no_address(visitor):
    alice = visitor().ask(ALICE)
    code = alice.code
    assert all(code != morsel.value and ALICE not in morsel.value for morsel in alice.client.cookies.values())
    kept = alice.client.cookies["guestlist_phone"]
    assert (kept["httponly"], kept["samesite"], kept["max-age"]) == (True, "Lax", 600)
    assert alice.path == "/code/"


def test_a_forged_number_cookie_is_nothing(visitor):
    alice = visitor()
    alice.client.cookies["guestlist_phone"] = "IisqKzc5MDAxMTEyMjMzIg:1abcde:forged"
    assert alice.see("/code/").path == "/"


def test_another_number_starts_with_the_last_one_typed(visitor):
    alice = visitor().ask(ALICE).see("/")
    assert alice.page.fields["phone"]["value"] == "8 (900) 111-22-33"


def test_a_code_page_without_a_number_leads_to_the_first_page(visitor):
    alice = visitor().see("/code/")
    assert (alice.statuses, alice.path) == ([302, 200], "/")
    token = alice.answer.context["csrf_token"]
    answer = alice.client.post("/code/", {"code": "1234", "csrfmiddlewaretoken": token})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_a_blocked_person_is_told_so(visitor):
    visitor().sign_in(ALICE)
    Person.objects.update(blocked_at=clock.now())
    alice = visitor().ask(ALICE)
    alice.submit("/code/", code=alice.code)
    assert alice.statuses == [403]
    assert "This person may not sign in." in alice.text


def test_a_send_that_fails_is_told_on_the_form(visitor, monkeypatch):
    def fails(*_):
        raise Refusal("delivery_failed", retry_after=5)

    alice = visitor().see("/")
    monkeypatch.setattr("guestlist.web.signin.actions.ask", fails)
    alice.submit("/sign-in/", phone=ALICE)
    assert alice.statuses == [503]
    assert alice.answer["Retry-After"] == "5"
    assert "The code could not be sent right now." in alice.text
    assert alice.page.fields["phone"]["value"] == ALICE


def test_sending_again_too_early_keeps_the_code_page(visitor, monkeypatch):
    def too_early(*_):
        raise Refusal("too_many_requests", retry_after=60)

    alice = visitor().ask(ALICE)
    code = alice.code
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("guestlist.web.signin.actions.ask", too_early)
        alice.submit("/sign-in/")
    assert alice.statuses == [429]
    assert alice.answer["Retry-After"] == "60"
    assert "That was too often. Try again in 60 seconds." in alice.text
    assert alice.submit("/code/", code=code).path == "/"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sign-in/", "/profile/", "/activate/", "/sessions/end/", "/sign-out/", "/language/"])
def test_a_form_without_its_token_is_refused(path):
    client = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    answer = client.post(path, {"phone": ALICE})
    assert answer.status_code == 403
    assert "This page was open for too long" in answer.content.decode()
    assert not Challenge.objects.exists()


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_another_sites_page_cannot_ask_or_confirm_here(visitor, headers):
    alice = visitor().ask(ALICE)
    typed = {"csrfmiddlewaretoken": alice.answer.context["csrf_token"], "phone": ALICE, "code": alice.code}
    for path in ("/sign-in/", "/code/"):
        assert alice.client.post(path, typed, headers=headers).status_code == 403
    assert Challenge.objects.count() == 1
    assert not Session.objects.exists()
    assert not Person.objects.exists()


def test_each_address_answers_without_its_last_slash(visitor):
    alice = visitor().see("/")
    typed = {"csrfmiddlewaretoken": alice.answer.context["csrf_token"], "phone": ALICE}
    assert alice.client.post("/sign-in", typed)["Location"] == "/code/"
    assert alice.see("/code").statuses == [200]
    confirmed = alice.client.post("/code", {**typed, "code": alice.code})
    assert confirmed["Location"] == "/"
    assert alice.client.get("/invitees").status_code == 200
    for path in ("/docs", "/redoc", "/docs/", "/redoc/"):
        assert alice.client.get(path).status_code == 200
