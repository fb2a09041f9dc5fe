"""The gateway for any provider: what it sends, and that it tells a failure and nothing of what was in it."""

import sys
import time
from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.gateways import Late, NoMoney, Outgoing, Refused, TooMany, Unavailable, WrongKey, http
from guestlist.delivery.gateways.http import Http
from guestlist.delivery.models import Message
from tests import provider as providers
from tests.guests import is_problem

PHONE = "+79001112233"
SECONDS = 2.0  # for the provider's answer
TEXT = 'Ваш код "7209" & {phone}\n\n@example.org #7209'


@pytest.fixture
def provider(settings, monkeypatch) -> Iterator[providers.Provider]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with providers.answering() as found:
        settings.SMS_HTTP_METHOD, settings.SMS_HTTP_URL = "POST", f"{found.url}/send"
        settings.SMS_HTTP_HEADERS = '{"Authorization": "Bearer key"}'
        settings.SMS_HTTP_BODY = '{"to": "{phone}", "texts": ["{text}"], "from": 7}'
        yield found


def send() -> None:
    Http().send(Outgoing(PHONE, TEXT), SECONDS)


def test_json_has_number_and_text_wherever_the_template_has_them(provider):
    send()
    (call,) = provider.received
    assert (call.method, call.path) == ("POST", "/send")
    assert call.headers["authorization"] == "Bearer key"
    assert call.body == {"to": PHONE, "texts": [TEXT], "from": 7}


@pytest.mark.parametrize(
    "body",
    [
        '{\n  "to": "{phone}",\n  "text": "{text}"\n}\n',
        '[{"to": "{phone}", "text": "{text}"}]',
        ' { "m": {"to": ["{phone}"], "text": "{text}"} }',
    ],
)
def test_json_may_be_written_in_any_way(provider, settings, body):
    settings.SMS_HTTP_BODY = body
    send()
    (call,) = provider.received
    assert call.headers["content-type"] == "application/json"
    assert set(http._leaves(call.body)) == {PHONE, TEXT}


def test_a_media_type_of_ones_own_takes_the_place_of_ours(provider, settings):
    settings.SMS_HTTP_HEADERS = '{"Content-Type": "application/json; charset=utf-8"}'
    send()
    (call,) = provider.received
    assert [value for name, value in call.lines if name.lower() == "content-type"] == [
        "application/json; charset=utf-8"
    ]


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_provider_that_drips_is_left_after_the_time(provider, monkeypatch, part):
    monkeypatch.setattr(sys.modules[__name__], "SECONDS", 0.5)
    provider.drips = part
    began = time.monotonic()
    if part == "head":
        with pytest.raises(Late):
            send()
    else:
        send()  # its status said that it is sent; the rest is not waited for
    assert time.monotonic() - began < 5  # it would go on for 30 s


def test_a_proxy_that_cannot_be_one_stops_the_start_and_its_password_is_not_told(provider, settings, monkeypatch):
    settings.SMS_HTTP_URL = "https://sms.example.org/{phone}/{text}"
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:my-password@proxy.example.org:1080")
    with pytest.raises(ImproperlyConfigured, match="HTTPS_PROXY") as refused:
        Http()
    assert "my-password" not in str(refused.value)


def test_a_proxy_is_given_its_name_and_password(provider, settings, monkeypatch):
    settings.SMS_HTTP_URL = "http://sms.example.org/send"
    monkeypatch.setenv("HTTP_PROXY", provider.url.replace("http://", "http://user:pass@"))
    monkeypatch.setenv("http_proxy", provider.url.replace("http://", "http://user:pass@"))
    send()
    (call,) = provider.received
    assert call.path == "http://sms.example.org/send"
    assert call.headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


def test_a_form_and_an_address_are_escaped(provider, settings):
    settings.SMS_HTTP_BODY = "to={phone}&text={text}&unicode=1"
    send()
    settings.SMS_HTTP_METHOD, settings.SMS_HTTP_BODY = "GET", ""
    settings.SMS_HTTP_URL = f"{provider.url}/send?to={{phone}}&text={{text}}"
    send()
    form, address = provider.received
    assert form.body == {"to": PHONE, "text": TEXT, "unicode": "1"}
    assert address.path.startswith("/send?to=%2B79001112233&text=%D0%92")
    assert "&text" in address.path
    assert " " not in address.path


@pytest.mark.parametrize(
    ("status", "kind"),
    [(301, Refused), (400, Refused), (401, WrongKey), (402, NoMoney), (429, TooMany), (500, Unavailable)],
)
def test_every_other_status_is_not_sent(provider, status, kind):
    provider.status = status
    with pytest.raises(kind, match=str(status)):
        send()


def test_a_provider_that_hangs_up_or_is_away_is_not_sent_and_nothing_is_told(provider, settings):
    provider.is_rude = True
    with pytest.raises(Late, match="broken off") as rude:
        send()
    settings.SMS_HTTP_URL = "http://127.0.0.1:9/{text}"
    with pytest.raises(Unavailable) as away:
        send()
    assert "7209" not in f"{rude.value!r} {away.value!r} {rude.value.__cause__}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_HTTP_URL", ""),
        ("SMS_HTTP_URL", "ftp://sms.example.org"),
        ("SMS_HTTP_URL", "https://user:pass@sms.example.org"),
        ("SMS_HTTP_URL", "https://sms.example.org:99999"),
        ("SMS_HTTP_URL", "https://sms.example.org:abc"),
        ("SMS_HTTP_URL", "https://[::1"),
        ("SMS_HTTP_URL", "https://sms example.org"),
        ("SMS_HTTP_BODY", "{phone}=to&{text}=text"),
        ("SMS_HTTP_BODY", "<sms to='{phone}'>{text}</sms>"),
        ("SMS_HTTP_HEADERS", '{"Authorization": "Bearer key\\n"}'),
        ("SMS_HTTP_HEADERS", '{"Authorization": "Bearer \u043a"}'),
        ("SMS_HTTP_HEADERS", '{"Two words": "x"}'),
        ("SMS_HTTP_BODY", '{"to": "{phone}"}'),
        ("SMS_HTTP_BODY", '{"to": "{phone}", "text": "{text}"'),
        ("SMS_HTTP_BODY", ""),
        ("SMS_HTTP_HEADERS", "Authorization: key"),
        ("SMS_HTTP_HEADERS", '{"Authorization": 7}'),
        ("SMS_HTTP_METHOD", "GET"),
    ],
)
def test_what_cannot_carry_a_message_stops_the_start(provider, settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        Http()


def test_a_code_goes_out_through_it_and_comes_back(provider, guest, live, settings, carried_by):
    settings.SMS_HTTP_BODY = '{"to": "{phone}", "text": "{text}"}'
    carried_by(Http())
    alice = guest(PHONE)
    asked = alice.ask()
    assert asked.status_code == 200
    assert asked.json()["delivery"] == "sent"
    assert Message.objects.get().state == "sent"
    assert alice.confirm(provider.code_for(PHONE)).status_code == 200


def test_a_failed_send_is_told_and_kept_without_the_code(provider, guest, live, settings, carried_by):
    settings.SMS_HTTP_BODY = '{"to": "{phone}", "text": "{text}"}'
    carried_by(Http())
    provider.status = 402
    assert is_problem(guest(PHONE).ask(), 503, "delivery_failed")
    message = Message.objects.get()
    assert (message.state, message.reason) == ("failed", "no money (HTTP 402)")
