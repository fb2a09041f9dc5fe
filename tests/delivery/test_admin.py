"""Messages, their attempts and resting gateways under /admin/: to look at, with one act."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from guestlist.delivery import rests
from guestlist.delivery.models import Attempt, Message, Rest
from guestlist.lib import clock
from guestlist.lib.models import AuditLine

NOW = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
PHONE, STARRED = "+79001112233", "+7********33"
MESSAGES, ATTEMPTS, RESTS = (f"/admin/delivery/{name}/" for name in ("message", "attempt", "rest"))


@pytest.fixture(autouse=True)
def _now(db):
    with clock.at(NOW):
        yield


@pytest.fixture
def operator(client):
    client.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    return client


@pytest.fixture
def message() -> Message:
    facts = {"kind": "code", "reference": "-", "phone": PHONE, "region": "RU", "language": "ru", "channel": "voice"}
    made = Message.objects.create(
        **facts, gateway="twilio", state="sent", created_at=NOW, expires_at=NOW, sent_at=NOW + timedelta(seconds=7)
    )
    for gateway, state, reason, price in (("smsru", "failed", "no money (201)", None), ("twilio", "sent", "", "0.079")):
        Attempt.objects.create(
            message=made,
            gateway=gateway,
            channel="sms",
            state=state,
            reason=reason,
            provider_id=f"id-of-{gateway}",
            price=price and Decimal(price),
            currency="USD" if price else "",
            began_at=NOW,
            ended_at=NOW + timedelta(seconds=1.25),
        )
    return made


def page(operator, address: str, **query) -> str:
    answer = operator.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_of_messages_has_their_channel_and_when_they_were_sent_and_stars_numbers(operator, message):
    found = page(operator, MESSAGES)
    assert STARRED in found
    assert PHONE not in found
    for column in ("channel", "sent_at"):
        assert f'class="field-{column}' in found
    assert "voice" in found


def test_a_message_shows_its_attempts(operator, message):
    found = page(operator, reverse("admin:delivery_message_change", args=[message.pk]))
    for words in ("no money (201)", "0.07900", "USD", "id-of-twilio", "id-of-smsru", PHONE):
        assert words in found
    assert found.index("id-of-smsru") < found.index("id-of-twilio")


def test_attempts_are_found_by_number_by_the_providers_id_and_by_gateway(operator, message):
    assert STARRED in page(operator, ATTEMPTS)
    assert PHONE not in page(operator, ATTEMPTS)
    for query in ({"q": "8 900 111-22-33"}, {"q": "id-of-twilio"}, {"gateway": "twilio"}):
        assert "id-of-twilio" in page(operator, ATTEMPTS, **query), query
    for query in ({"q": "+79005556677"}, {"q": "id-of"}, {"gateway": "vonage"}):
        assert "id-of-twilio" not in page(operator, ATTEMPTS, **query), query
    assert "1.25" in page(operator, ATTEMPTS)


def test_nothing_of_it_is_changed_by_hand(operator, message):
    Rest.objects.create(gateway="smsru", failures=10, rests_until=NOW)
    for model, key in (("message", message.pk), ("attempt", Attempt.objects.first().pk), ("rest", "smsru")):
        assert operator.get(f"/admin/delivery/{model}/add/").status_code == 403
        assert operator.post(reverse(f"admin:delivery_{model}_delete", args=[key]), {"post": "yes"}).status_code == 403
    typed = {"attempt_set-TOTAL_FORMS": 1, "attempt_set-INITIAL_FORMS": 0, "attempt_set-0-gateway": "http"}
    operator.post(reverse("admin:delivery_message_change", args=[message.pk]), typed)
    assert Attempt.objects.count() == 2


def wake(client, *names: str) -> None:
    client.post(RESTS, {"_selected_action": names, "action": "wake"}, REMOTE_ADDR="10.0.0.9")


def woken() -> list[tuple[str, str]]:
    return list(AuditLine.objects.filter(event="gateway.woken").values_list("facts", "ip"))


def test_a_gateway_that_rests_is_asked_again_at_once_and_the_trail_says_who_ended_it(operator):
    Rest.objects.create(gateway="smsru", failures=12, rests_until=NOW + timedelta(seconds=30))
    assert rests.awake(["smsru"], NOW) == []
    assert "smsru" in page(operator, RESTS)
    wake(operator, "smsru")
    assert rests.awake(["smsru"], NOW) == ["smsru"]
    assert woken() == [("gateway=smsru by=olga", "10.0.0.9")]


def test_one_that_fails_again_rests_again_at_once(operator):
    Rest.objects.create(gateway="smsru", failures=12, rests_until=NOW + timedelta(seconds=30))
    wake(operator, "smsru")
    rests.failed("smsru", NOW)
    assert Rest.objects.get().rests_until > NOW


def test_one_that_does_not_rest_is_left_as_it_is(operator):
    Rest.objects.create(gateway="smsru", failures=3)
    Rest.objects.create(gateway="twilio", failures=10, rests_until=NOW - timedelta(seconds=1))
    wake(operator, "smsru", "twilio")
    assert woken() == []
    assert Rest.objects.get(pk="twilio").rests_until == NOW - timedelta(seconds=1)


def test_only_who_may_change_rests_ends_one(client):
    ivan = User.objects.create_user("ivan", password="long enough 42", is_staff=True)
    ivan.user_permissions.add(Permission.objects.get(codename="view_rest"))
    client.force_login(ivan)
    Rest.objects.create(gateway="smsru", failures=12, rests_until=NOW + timedelta(seconds=30))
    wake(client, "smsru")
    assert woken() == []
    assert Rest.objects.get().rests_until > NOW
