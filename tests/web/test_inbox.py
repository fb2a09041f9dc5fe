"""The sandbox's inbox, as a browser sees it."""

import pytest

from tests.web.conftest import ALICE, BOB


def test_a_browser_sees_a_page_and_everybody_else_json(visitor, client):
    alice = visitor().ask(ALICE)
    code = alice.code
    alice.see("/sandbox/inbox/")
    assert "The sandbox's inbox" in alice.text
    assert f"Your code is {code}. Do not share it.\n\n@127.0.0.1 #{code}" in alice.html
    assert client.get("/sandbox/inbox/").json()["messages"][0]["phone"] == ALICE
    assert alice.see("/sandbox/inbox").statuses == [200]


def test_the_newest_message_stands_first_and_one_number_can_be_chosen(visitor):
    alice, bob = visitor().ask(ALICE), visitor().ask(BOB)
    everything = alice.see("/sandbox/inbox/").text
    assert everything.index("8 (900) 555-66-77") < everything.index("8 (900) 111-22-33")
    only_bobs = bob.see("/sandbox/inbox/?phone=%2B79005556677").text
    assert "8 (900) 555-66-77" in only_bobs
    assert "8 (900) 111-22-33" not in only_bobs


def test_an_empty_inbox_says_what_will_stand_there(visitor):
    assert "Nothing has arrived yet." in visitor().see("/sandbox/inbox/").text


@pytest.mark.parametrize("phone", ["1", "nonsense"])
def test_what_is_no_number_is_refused(visitor, phone):
    assert visitor().see(f"/sandbox/inbox/?phone={phone}").statuses == [400]
