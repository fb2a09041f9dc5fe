"""Amazon SNS: the signature of AWS's own examples, what goes out, and what its errors mean."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery import gateways
from guestlist.delivery.gateways import Outgoing, Receipt
from guestlist.delivery.gateways.sns import Keys, Sns, signed
from guestlist.lib import clock
from tests.delivery.gateways import fake as fakes

# As in https://docs.aws.amazon.com/general/latest/gr/sigv4-signed-request-examples.html and in the test suite of AWS.
EXAMPLE = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7"
    "mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d"
    "+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
PHONE, CODE, NOW = "+447700900000", "7209", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEXT = f"Ваш код {CODE}\n\n@example.org #{CODE}"
MESSAGE = Outgoing(PHONE, TEXT, CODE, "sms")
ID = "94f20ce6-13c5-43a0-9a9e-ca52d816e90b"
TAKEN = (
    200,
    {"Content-Type": "text/xml"},
    f'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>{ID}</MessageId>'
    "</PublishResult><ResponseMetadata><RequestId>f187a3c1</RequestId></ResponseMetadata></PublishResponse>",
)


def refusal(status: int, code: str, sentence: str = "") -> fakes.Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{sentence}</Message></Error>"
    return status, {"Content-Type": "text/xml"}, f"<ErrorResponse>{error}<RequestId>f1</RequestId></ErrorResponse>"


@pytest.fixture
def sns(settings, monkeypatch) -> Iterator[fakes.Fake]:
    settings.AWS_REGION, settings.AWS_ACCESS_KEY_ID = "eu-central-1", EXAMPLE.id
    settings.AWS_SECRET_ACCESS_KEY, settings.AWS_SESSION_TOKEN, settings.SNS_SENDER_ID = EXAMPLE.secret, "", ""
    with fakes.answering({"/": TAKEN}) as found:
        monkeypatch.setattr(Sns, "url", found.url)
        yield found


def send(seconds: float = 5) -> Receipt:
    return Sns().send(MESSAGE, seconds)


@pytest.mark.parametrize(
    ("host", "media", "body", "session", "service", "moment", "names", "signature"),
    [
        (
            "iam.amazonaws.com",
            "application/x-www-form-urlencoded; charset=utf-8",
            b"Action=ListUsers&Version=2010-05-08",
            "",
            "iam",
            datetime(2011, 9, 9, 23, 36, tzinfo=UTC),
            "content-type;host;x-amz-date",
            "ced6826de92d2bdeed8f846f0bf508e8559e98e4b0199114b84c54174deb456c",
        ),
        (  # post-x-www-form-urlencoded
            "example.amazonaws.com",
            "application/x-www-form-urlencoded",
            b"Param1=value1",
            "",
            "service",
            datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (  # post-sts-token/post-sts-header-before
            "example.amazonaws.com",
            "",
            b"",
            SESSION,
            "service",
            datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
            "host;x-amz-date;x-amz-security-token",
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        ),
    ],
)
def test_the_signature_is_that_of_the_examples_of_aws(host, media, body, session, service, moment, names, signature):
    headers = {"host": host, **({"content-type": media} if media else {})}
    found = signed(headers, body, EXAMPLE._replace(session=session), "us-east-1", service, moment)
    scope = f"{moment:%Y%m%d}/us-east-1/{service}/aws4_request"
    assert found["authorization"] == (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={names}, Signature={signature}"
    )


@pytest.mark.parametrize("session", ["", SESSION])
def test_a_text_goes_out_as_its_papers_say_and_is_signed(sns, settings, session):
    settings.AWS_SESSION_TOKEN = session
    with clock.at(NOW):
        assert send() == Receipt(ID)
    (call,) = sns.received
    assert (call.method, call.path, call.query) == ("POST", "/", {})
    assert call.form == {
        "Action": "Publish",
        "Version": "2010-03-31",
        "PhoneNumber": PHONE,
        "Message": TEXT,
        "MessageAttributes.entry.1.Name": "AWS.SNS.SMS.SMSType",
        "MessageAttributes.entry.1.Value.DataType": "String",
        "MessageAttributes.entry.1.Value.StringValue": "Transactional",
    }
    came = {name: call.headers[name] for name in ("host", "content-type")}
    assert came["host"] == urlsplit(sns.url).netloc
    expected = signed(came, call.body, EXAMPLE._replace(session=session), "eu-central-1", "sns", NOW)
    assert {name: call.headers.get(name) for name in expected} == expected
    assert call.headers.get("x-amz-security-token", "") == session


def test_a_sender_id_goes_with_it(sns, settings):
    settings.SNS_SENDER_ID = "Guests"
    send()
    form = sns.received[0].form
    assert form["MessageAttributes.entry.2.Name"] == "AWS.SNS.SMS.SenderID"
    assert form["MessageAttributes.entry.2.Value.StringValue"] == "Guests"


def test_the_address_is_that_of_the_region(settings, monkeypatch):
    settings.AWS_REGION, settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = "us-gov-west-1", "A", "B"
    assert Sns()._url == "https://sns.us-gov-west-1.amazonaws.com"


INVALID = f"Invalid parameter: PhoneNumber Reason: {PHONE} is not valid to publish to"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (refusal(400, "InvalidParameter", INVALID), gateways.NotHere),
        (refusal(400, "OptedOut", f"{PHONE} has opted out"), gateways.NotHere),
        (refusal(400, "InvalidParameter", "Invalid parameter: Message too long"), gateways.Refused),
        (refusal(400, "ParameterValueInvalid", TEXT), gateways.Refused),
        (refusal(403, "AuthorizationError"), gateways.WrongKey),
        (refusal(403, "InvalidClientTokenId"), gateways.WrongKey),
        (refusal(403, "SignatureDoesNotMatch", EXAMPLE.secret), gateways.WrongKey),
        (refusal(400, "IncompleteSignature"), gateways.WrongKey),
        (refusal(400, "ExpiredTokenException"), gateways.WrongKey),
        (refusal(400, "Throttling"), gateways.TooMany),
        (refusal(400, "ThrottlingException"), gateways.TooMany),
        (refusal(429, "Throttled"), gateways.TooMany),
        (refusal(500, "InternalError", TEXT), gateways.Unavailable),
        (refusal(503, "ServiceUnavailable"), gateways.Unavailable),
        ((403, {}, "<html>"), gateways.WrongKey),
        ((400, {}, "<html>"), gateways.Refused),
        ((301, {}, "<html>"), gateways.Nonsense),
        ((200, {}, f"<html>{TEXT}"), gateways.Nonsense),
        ((200, {}, f"<MessageId>{TEXT}</MessageId>"), gateways.Nonsense),
    ],
)
def test_what_its_errors_mean(sns, said, kind):
    sns.script["/"] = said
    with pytest.raises(gateways.NotSent) as failed:
        send()
    assert type(failed.value) is kind
    assert_nothing_is_told(failed.value)


def test_no_answer_in_time_may_have_been_sent(sns):
    sns.seconds, began = 2.0, time.monotonic()
    with pytest.raises(gateways.Late) as late:
        send(seconds=0.3)
    assert time.monotonic() - began < 1.5
    assert_nothing_is_told(late.value)


def assert_nothing_is_told(error: BaseException) -> None:
    told = fakes.told(error)
    assert [secret for secret in (CODE, PHONE[1:], EXAMPLE.secret, "Ваш код") if secret in told] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_REGION", ""),
        ("AWS_REGION", "evil.example.org/"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_SECRET_ACCESS_KEY", "секрет"),
        ("AWS_SESSION_TOKEN", "два\nслова"),
        ("SNS_SENDER_ID", "12345"),
        ("SNS_SENDER_ID", "Twelve-chars"),
        ("SNS_SENDER_ID", "Мы"),
    ],
)
def test_a_setting_that_does_not_fit_stops_the_start_and_is_not_told(sns, settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=name) as refused:
        Sns()
    assert not value or value not in fakes.told(refused.value)
