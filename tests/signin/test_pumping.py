"""SMS pumping: ranges of numbers, regions and kinds of number, and countries whose codes nobody confirms."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import phonenumbers
import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection

from guestlist.delivery import routing
from guestlist.delivery.gateways import Unavailable
from guestlist.delivery.models import Message
from guestlist.lib import audit, clock
from guestlist.lib.models import AuditLine, Usage
from guestlist.settings import FixedNumber
from guestlist.signin import policies, pumping, sending
from guestlist.signin.models import Challenge, Pause
from tests.guests import is_problem

START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
ALICE, ALIYA = "+79001112233", "+77019998877"


@pytest.fixture(autouse=True)
def _limits(settings) -> Iterator[None]:
    settings.LIMITS = "on"
    for _ in range(2):
        sending.in_force.cache_clear()
        audit._floods.clear()
        pumping._judged.clear()
        if not _:
            yield


@pytest.fixture
def only(settings):
    """`only("CODES_PER_PREFIX")`: every other limit is far away."""

    def keep(*names: str) -> None:
        others = policies.POLICIES.keys() - set(names) - {"CODES_IN_ALL"}
        settings.LIMIT_OVERRIDES = {f"LIMIT_{name}": "100000/s" for name in others}
        settings.SMS_DAILY_BUDGET = 10**6
        sending.in_force.cache_clear()

    return keep


@pytest.fixture
def conversion(only) -> None:
    """Only what conversion decides: a pause, and how fast a slowed country is."""
    only("CODES_WHILE_SLOWED")


def ask(guest, phone=ALICE, ip="203.0.113.7", at=START, **body):
    stranger = guest(phone)
    stranger.client.defaults["REMOTE_ADDR"] = ip
    with clock.at(at):
        return stranger.ask(**body)


def known_device(guest, phone, at=START) -> str:
    with clock.at(at):
        owner = guest(phone)
        return owner.confirm(owner.ask().json()["code"]).json()["device"]


def sent() -> int:
    return Message.objects.count()


def told(*events: str) -> list[tuple[str, str]]:
    return list(AuditLine.objects.filter(event__in=events).order_by("id").values_list("event", "facts"))


def kazakh(number: int) -> str:
    """Numbers whose prefixes are all different."""
    return f"+7701{number:03}0000"


def spread(guest, number: int, at, phone=kazakh):
    """One ask of an attack from fifty addresses over many prefixes."""
    return ask(guest, phone(number), f"198.51.100.{number % 50}", at)


# ---- a range of numbers


def test_of_three_hundred_asks_to_one_range_from_fifty_addresses_twenty_are_sent_in_the_hour(guest):
    """C63, with every limit as it is by default."""
    statuses = [
        ask(guest, f"+7900111{number:04}", f"198.51.{number % 50}.1", START + number * 11 * SECOND).status_code
        for number in range(300)
    ]
    assert statuses.count(201) == sent() <= 20
    assert set(statuses) == {201, 429}


# ---- regions and kinds of number


def example(region: str, kind: int) -> str:
    number = phonenumbers.example_number_for_type(region, kind)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


TYPE = phonenumbers.PhoneNumberType
ABROAD = [example(region, TYPE.MOBILE) for region in ("KZ", "GB", "DE", "UA", "BY", "LV", "CU", "TV", "SO", "US")]
NOWHERE = ["+80012345678", "+881612345678"]
UNSUITED = {
    example("RU", TYPE.PREMIUM_RATE),
    example("RU", TYPE.TOLL_FREE),
    example("RU", TYPE.PERSONAL_NUMBER),
    *(f"+7495123456{digit}" for digit in range(5)),
    *(f"+7812123456{digit}" for digit in range(5)),
    *(f"+7343123456{digit}" for digit in range(5)),
}
REFUSED = [*ABROAD, *NOWHERE, *sorted(UNSUITED)]


def bare(answer) -> tuple:
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return answer.status_code, answer.content, headers, dict(answer.cookies)


def test_thirty_numbers_that_are_not_allowed_get_nothing_and_one_answer(guest, live):
    """C64: only PHONE_REGION is allowed by default."""
    assert len(REFUSED) == 30
    answers = [ask(guest, phone) for phone in REFUSED]
    assert is_problem(answers[0], 403, "phone_not_allowed")
    assert len({str(bare(answer)) for answer in answers}) == 1
    assert "Retry-After" not in answers[0].headers
    assert (live.sent, sent(), Challenge.objects.count(), Usage.objects.count()) == ([], 0, 0, 0)
    assert ask(guest, ALICE).status_code == 200


def test_the_page_says_it_too(client, db, live):
    answer = client.post("/sign-in/", {"phone": ABROAD[1]}, HTTP_ACCEPT="text/html")
    assert answer.status_code == 403
    assert "No codes are sent to this number." in answer.content.decode()


def test_the_trail_tells_which_rule_it_was_and_the_answer_does_not(guest, live):
    ask(guest, ABROAD[0])
    ask(guest, example("RU", TYPE.PREMIUM_RATE))
    assert told("code.refused") == [
        ("code.refused", "reason=PHONE_REGIONS region=KZ"),
        ("code.refused", "reason=PHONE_TYPES region=RU"),
    ]


def test_a_number_that_somebody_has_and_a_known_device_are_refused_alike(guest, settings, live):
    settings.PHONE_REGIONS = ["RU", "KZ"]
    with clock.at(START):
        aliya = guest(ALIYA)
        challenge = aliya.ask().json()["challenge"]
        device = aliya.confirm(live.code_for(ALIYA), challenge=challenge).json()["device"]
    settings.PHONE_REGIONS = ["RU"]
    later = START + HOUR
    stranger, owner = ask(guest, ALIYA, at=later), ask(guest, ALIYA, at=later, device=device)
    assert is_problem(owner, 403, "phone_not_allowed")
    assert bare(owner) == bare(stranger) == bare(ask(guest, ABROAD[0], at=later))


def test_a_code_that_was_sent_can_still_be_confirmed(guest, settings, live):
    settings.PHONE_REGIONS = ["*"]
    aliya = guest(ALIYA)
    challenge = aliya.ask().json()["challenge"]
    settings.PHONE_REGIONS = ["RU"]
    assert aliya.confirm(live.code_for(ALIYA), challenge=challenge).status_code == 200


def test_a_number_with_a_fixed_code_may_be_anywhere_for_nothing_is_sent_to_it(guest, settings, live):
    settings.SANDBOX_NUMBERS = {ABROAD[-1]: FixedNumber("20260131", START.date())}
    assert ask(guest, ABROAD[-1]).status_code == 200
    assert live.sent == []
    assert Challenge.objects.get().region == ""  # nor has it a part in its country's conversion


@pytest.mark.parametrize(
    ("regions", "allowed"),
    [
        (["KZ"], {"KZ"}),
        (["KZ", "GB"], {"KZ", "GB"}),
        (["*"], {"KZ", "GB", "RU", "881"}),
        (["RU", "*"], {"KZ", "GB", "RU", "881"}),
    ],
)
def test_the_list_of_regions_decides(guest, settings, live, regions, allowed):
    settings.PHONE_REGIONS = regions
    numbers = {"KZ": ABROAD[0], "GB": ABROAD[1], "RU": ALICE, "881": NOWHERE[1]}
    assert {name for name, phone in numbers.items() if ask(guest, phone).status_code == 200} == allowed


def test_any_region_is_not_any_kind_of_number(guest, settings, live):
    settings.PHONE_REGIONS = ["*"]
    premium = [example(region, TYPE.PREMIUM_RATE) for region in ("RU", "GB", "DE", "US")]
    for phone in [*premium, example("GB", TYPE.PERSONAL_NUMBER), NOWHERE[0]]:
        assert is_problem(ask(guest, phone), 403, "phone_not_allowed")


def test_in_the_sandbox_any_number_gets_a_code(guest, settings, only):
    only()
    for mode in ("on", "relaxed"):
        settings.LIMITS = mode
        assert {ask(guest, phone).status_code for phone in REFUSED} == {201}


# ---- a country's conversion


def pause_kazakhstan(guest, at=START) -> datetime:
    """Sixty codes that nobody confirms, one in 15 seconds, and on until the country is paused; when that was."""
    for number in range(75):
        if spread(guest, number, at).status_code == 429:
            return at
        at += 15 * SECOND
    raise AssertionError("it never paused")


def test_a_country_pauses_when_sixty_codes_from_fifty_addresses_are_not_confirmed(guest, conversion):
    """C65 (a)"""
    paused_at = pause_kazakhstan(guest)
    assert 50 < sent() <= 75
    assert Pause.objects.get().scope == "region:KZ"
    answer = ask(guest, ALIYA, "192.0.2.1", paused_at + MINUTE)
    assert is_problem(answer, 429, "too_many_requests")
    assert answer.json()["retry_after"] == int(answer.headers["Retry-After"]) == 840
    assert ask(guest, ALICE, "192.0.2.1", paused_at + MINUTE).status_code == 201  # no other country is touched
    assert ask(guest, ALIYA, "192.0.2.1", paused_at + 15 * MINUTE).status_code == 201


def test_a_burst_of_sixty_pauses_as_soon_as_its_codes_have_had_their_time(guest, conversion):
    for number in range(60):
        assert spread(guest, number, START + number * SECOND).status_code == 201
    assert ask(guest, ALIYA, at=START + 350 * SECOND).status_code == 429
    assert sent() == 60


def test_the_refusal_is_that_of_any_other_limit(guest, conversion, only):
    paused_at = pause_kazakhstan(guest)
    by_country = ask(guest, ALIYA, "192.0.2.1", paused_at).json()
    only("CODES_PAUSE")
    ask(guest, ALICE, at=paused_at)
    by_phone = ask(guest, ALICE, at=paused_at).json()
    assert {**by_country, "retry_after": 0} == {**by_phone, "retry_after": 0}


def test_waiting_as_long_as_it_says_is_enough(guest, conversion):
    at = pause_kazakhstan(guest) + 7 * SECOND
    wait = int(ask(guest, ALIYA, "192.0.2.1", at).headers["Retry-After"])
    assert ask(guest, ALIYA, "192.0.2.1", at + wait * SECOND).status_code == 201


def test_five_addresses_pause_and_the_country_stays_open(guest, conversion):
    """C65 (b)"""
    for number in range(60):
        ask(guest, kazakh(number), f"203.0.113.{number % 5}", START + number * SECOND)
    at = START + 6 * MINUTE
    assert ask(guest, ALIYA, "192.0.2.1", at).status_code == 201
    assert [ask(guest, kazakh(70 + n), f"203.0.113.{n}", at).status_code for n in range(5)] == [429] * 5
    assert set(Pause.objects.values_list("scope", flat=True)) == {f"address:KZ:203.0.113.{n}" for n in range(5)}
    assert ask(guest, ALICE, "203.0.113.0", at).status_code == 201  # paused for that country only


def test_an_ipv6_customer_is_one_address(guest, conversion):
    for number in range(60):
        ask(guest, kazakh(number), f"2001:db8::{number:x}", START + number * SECOND)
    at = START + 6 * MINUTE
    assert ask(guest, ALIYA, "2001:db8::ffff", at).status_code == 429
    assert ask(guest, ALIYA, "2001:db8:0:1::1", at).status_code == 201


def test_a_prefix_pauses_and_its_neighbours_do_not(guest, conversion):
    for number in range(60):
        ask(guest, f"+7701111{number:04}", f"198.51.100.{number}", START + number * SECOND)
    at = START + 6 * MINUTE
    assert ask(guest, "+77011119999", "192.0.2.1", at).status_code == 429
    assert ask(guest, "+77011129999", "192.0.2.1", at).status_code == 201
    assert set(Pause.objects.values_list("scope", flat=True)) == {"prefix:+7701111"}


def test_confirmed_codes_keep_a_country_open_and_a_low_share_is_told_once_an_hour(guest, conversion):
    for number in range(60):
        at = START + number * SECOND
        asked = spread(guest, number, at)
        if number % 10 < 3:
            with clock.at(at):
                guest(kazakh(number)).confirm(asked.json()["code"], challenge=asked.json()["challenge"])
    for minutes in (6, 7, 8):
        assert ask(guest, ALIYA, "192.0.2.1", START + minutes * MINUTE).status_code == 201
    assert told("conversion.low", "conversion.paused") == [("conversion.low", "region=KZ asked=60 confirmed=18")]


def test_each_country_has_an_alarm_of_its_own(guest, conversion):
    for number in range(60):
        spread(guest, number, START + number * SECOND)
        spread(guest, number, START + number * SECOND, lambda n: f"+447400{n:02}0000")
    at = START + 7 * MINUTE
    ask(guest, ALIYA, "192.0.2.1", at)
    ask(guest, "+447400991234", "192.0.2.1", at)
    assert [facts.split()[0] for _, facts in told("conversion.low")] == ["region=KZ", "region=GB"]


def test_codes_to_known_devices_are_not_counted_and_never_paused(guest, conversion):
    device = known_device(guest, ALIYA)
    for number in range(60):
        ask(guest, ALIYA, f"198.51.100.{number}", START + number * SECOND, device=device)
    assert ask(guest, kazakh(1), "192.0.2.1", START + 6 * MINUTE).status_code == 201
    paused_at = pause_kazakhstan(guest, START + HOUR)
    assert ask(guest, ALIYA, "192.0.2.1", paused_at, device=device).status_code == 200
    assert ask(guest, ALIYA, "192.0.2.1", paused_at, device="no such device").status_code == 429


def test_the_home_country_is_slowed_and_never_stopped(guest, conversion):
    """C65: thirty a minute go through, for as long as the attack lasts."""
    at = START
    for number in range(75):
        spread(guest, number, at, lambda n: f"+7900{n:03}0000")
        at += 15 * SECOND
    assert Pause.objects.get().scope == "region:RU"
    at += MINUTE
    before, answers = sent(), []
    for number in range(50):
        answers.append(ask(guest, f"+7901{number:03}0000", f"192.0.2.{number}", at + number * SECOND))
    assert [answer.status_code for answer in answers] == [201] * 30 + [429] * 20
    assert is_problem(answers[-1], 429, "too_many_requests")
    assert sent() == before + 30
    assert ask(guest, ALICE, "203.0.113.99", at + MINUTE).status_code == 201
    assert ask(guest, ALIYA, "203.0.113.99", at + 50 * SECOND).status_code == 201  # others are not slowed


def test_known_devices_are_not_slowed(guest, conversion):
    device = known_device(guest, ALICE)
    Pause.objects.create(scope="region:RU", region="RU", seconds=900, ends_at=START + HOUR)
    for number in range(31):
        ask(guest, f"+7901{number:03}0000", f"192.0.2.{number}", START + MINUTE)
    assert ask(guest, "+79019990000", "192.0.2.99", START + MINUTE).status_code == 429
    assert ask(guest, ALICE, "192.0.2.99", START + MINUTE, device=device).status_code == 200


def test_a_pause_doubles_up_to_four_hours_and_is_short_again_after_a_good_hour(guest, conversion):
    pause_kazakhstan(guest)
    asked = list(Challenge.objects.all())
    lengths = [Pause.objects.get().seconds // 60]
    for good in (0, 0, 0, 0, 0, 52, 53):  # minutes since the pause before has ended
        ended = Pause.objects.get().ends_at + good * MINUTE
        Challenge.objects.all().delete()
        for number, challenge in enumerate(asked):  # the attack goes on as it was
            challenge.created_at = ended + (1 + number) * SECOND
        Challenge.objects.bulk_create(asked)
        assert ask(guest, ALIYA, "192.0.2.1", ended + 7 * MINUTE).status_code == 429
        lengths.append(Pause.objects.get().seconds // 60)
    assert lengths == [15, 30, 60, 120, 240, 240, 240, 15]


def test_relaxed_nothing_is_paused(guest, settings):
    settings.LIMITS = "relaxed"
    Pause.objects.create(scope="region:KZ", region="KZ", seconds=900, ends_at=START + HOUR)
    assert {spread(guest, number, START + number * 6 * SECOND).status_code for number in range(70)} == {201}


def test_a_pause_that_another_process_began_counts_at_once(guest, conversion):
    assert ask(guest, ALIYA).status_code == 201
    Pause.objects.create(scope="prefix:+7701999", region="KZ", seconds=900, ends_at=START + HOUR)
    assert ask(guest, ALIYA).status_code == 429


def test_a_region_is_judged_once_in_five_seconds(guest, conversion, django_assert_num_queries, monkeypatch):
    judged = []
    monkeypatch.setattr(pumping.conversion, "judge", lambda *found: judged.append(found[3]) or real(*found))
    for milliseconds in (0, 1, 4999, 5000, 9999, 10000):
        ask(guest, ALIYA, at=START + timedelta(milliseconds=milliseconds))
    ask(guest, ALICE, at=START)
    assert [(moment - START).total_seconds() for moment in judged] == [0, 5, 10, 0]


real = pumping.conversion.judge


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ended", [None, START + 6 * MINUTE], ids=["the first pause", "the next one"])
def test_six_that_judge_at_once_begin_one_pause(guest, conversion, monkeypatch, ended):
    for number in range(60):
        spread(guest, number, START + number * SECOND + 7 * MINUTE)
    if ended:
        Pause.objects.create(scope="region:KZ", region="KZ", seconds=900, ends_at=ended)
    monkeypatch.setattr(pumping, "_is_due", lambda *_: True)  # as if each were a process of its own
    together, failed, at = threading.Barrier(6), [], START + 14 * MINUTE

    def judge():
        try:
            together.wait()
            pumping._judge("KZ", at)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=judge) for _ in range(6)]
    with clock.at(at):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
    assert len(told("conversion.paused")) == 1
    length = timedelta(seconds=1800 if ended else 900)
    assert Pause.objects.get().ends_at == at + length


# ---- what operators see


def test_the_trail_tells_of_pauses_and_of_each_refusal_with_its_reason(guest, conversion):
    for number in range(60):
        ask(guest, f"+7701111{number:04}", "203.0.113.7", START + number * SECOND)
    ask(guest, ALIYA, "203.0.113.7", START + 6 * MINUTE)
    assert told("conversion.paused", "limit.refused") == [
        ("conversion.paused", "scope=address:KZ:203.0.113.7 region=KZ seconds=900 asked=60 confirmed=0"),
        ("conversion.paused", "scope=prefix:+7****11 region=KZ seconds=900 asked=60 confirmed=0"),
        ("limit.refused", "reason=CONVERSION of=code.refused"),
    ]


@pytest.fixture
def operator(client, db):
    client.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    return client


LIST = "/admin/signin/pause/"


def test_an_operator_sees_pauses_and_ends_one(guest, conversion, operator):
    at = pause_kazakhstan(guest)
    with clock.at(at):
        assert "region:KZ" in operator.get(LIST).content.decode()
        operator.post(LIST, {"_selected_action": ["region:KZ"], "action": "end"}, REMOTE_ADDR="10.0.0.9")
        operator.post(LIST, {"_selected_action": ["region:KZ"], "action": "end"}, REMOTE_ADDR="10.0.0.9")
    assert told("pause.ended") == [("pause.ended", "scope=region:KZ by=olga")]
    assert AuditLine.objects.get(event="pause.ended").ip == "10.0.0.9"
    for second in (5, 10):  # the codes that it was for are not held against the country again
        assert ask(guest, ALIYA, "192.0.2.1", at + second * SECOND).status_code == 201
    pause_kazakhstan(guest, at + 100 * SECOND)
    assert Pause.objects.get().seconds == 900


def test_a_pause_can_be_neither_made_nor_changed_nor_deleted_by_hand(operator):
    pause = Pause.objects.create(scope="region:KZ", region="KZ", seconds=900, ends_at=START)
    assert operator.get(f"{LIST}add/").status_code == 403
    assert operator.post(f"{LIST}region_3AKZ/change/", {"seconds": 1}).status_code == 403
    assert operator.post(f"{LIST}region_3AKZ/delete/", {"post": "yes"}).status_code == 403
    pause.refresh_from_db()
    assert pause.seconds == 900


def test_whoever_may_only_look_ends_nothing(client, db):
    looker = User.objects.create_user("ivan", password="long enough 42", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_pause"))
    client.force_login(looker)
    Pause.objects.create(scope="region:KZ", region="KZ", seconds=900, ends_at=START)
    with clock.at(START - MINUTE):
        assert client.get(LIST).status_code == 200
        client.post(LIST, {"_selected_action": ["region:KZ"], "action": "end"})
    assert Pause.objects.get().ends_at == START


# ---- dry runs


def test_a_region_or_a_kind_that_runs_dry_is_told_and_let_through(guest, settings, live):
    settings.DRY_RUN = ["PHONE_REGIONS"]
    assert ask(guest, ABROAD[0]).status_code == 200
    assert is_problem(ask(guest, example("GB", TYPE.PREMIUM_RATE)), 403, "phone_not_allowed")
    settings.DRY_RUN = ["PHONE_TYPES"]
    assert ask(guest, example("RU", TYPE.PREMIUM_RATE), at=START + MINUTE).status_code == 200
    assert is_problem(ask(guest, example("GB", TYPE.PREMIUM_RATE), at=START + MINUTE), 403, "phone_not_allowed")
    assert told("code.refused") == [
        ("code.refused", "reason=PHONE_REGIONS region=KZ dry_run=yes"),
        ("code.refused", "reason=PHONE_TYPES region=GB"),
        ("code.refused", "reason=PHONE_TYPES region=RU dry_run=yes"),
        ("code.refused", "reason=PHONE_REGIONS region=GB left_out=1"),
    ]


def test_the_limit_by_prefix_that_runs_dry_is_told_and_lets_all_through(guest, only, settings):
    only("CODES_PER_PREFIX")
    settings.DRY_RUN = ["CODES_PER_PREFIX"]
    answers = [ask(guest, f"+7900111{number:04}", f"198.51.100.{number}") for number in range(25)]
    assert {answer.status_code for answer in answers} == {201}
    assert told("limit.refused") == [("limit.refused", "reason=CODES_PER_PREFIX of=code.refused dry_run=yes")]
    ask(guest, "+79001119999", at=START + MINUTE)
    assert told("limit.refused")[-1][1].endswith("dry_run=yes left_out=4")  # thinned, like every refusal


def test_the_days_budget_that_runs_dry_is_told_and_the_other_limits_hold(guest, only, settings):
    only("CODES_PAUSE")
    settings.SMS_DAILY_BUDGET, settings.DRY_RUN = 10, ["CODES_IN_ALL"]
    answers = [ask(guest, f"+7900{number:03}0000") for number in range(10)]
    assert {answer.status_code for answer in answers} == {201}
    assert told("limit.refused") == [("limit.refused", "reason=CODES_IN_ALL of=code.refused dry_run=yes")]
    assert is_problem(ask(guest, "+79000090000"), 429, "too_many_requests")
    assert told("limit.refused")[-1] == ("limit.refused", "reason=CODES_PAUSE of=code.refused")


def test_a_pause_that_runs_dry_is_told_and_refuses_nothing(guest, conversion, settings):
    settings.DRY_RUN = ["CONVERSION"]
    answers = [spread(guest, number, START + number * 15 * SECOND) for number in range(75)]
    assert {answer.status_code for answer in answers} == {201}
    assert told("conversion.paused")[0][1] == "scope=region:KZ region=KZ seconds=900 asked=50 confirmed=0 dry_run=yes"
    assert told("limit.refused")[0] == ("limit.refused", "reason=CONVERSION of=code.refused dry_run=yes")


def test_a_slowed_home_country_that_runs_dry_is_not_slow(guest, conversion, settings):
    settings.DRY_RUN = ["CONVERSION"]
    Pause.objects.create(scope="region:RU", region="RU", seconds=900, ends_at=START + HOUR, is_dry=True)
    answers = [ask(guest, f"+7901{number:03}0000", f"192.0.2.{number}") for number in range(40)]
    assert {answer.status_code for answer in answers} == {201}
    assert told("limit.refused") == [("limit.refused", "reason=CODES_WHILE_SLOWED of=code.refused dry_run=yes")]


def test_codes_that_a_broken_gateway_did_not_send_are_held_against_nobody(guest, conversion, carried_by):
    class Broken:
        name, channels = "simulated", ("sms",)

        def send(self, message, seconds):
            raise Unavailable()

    usual = routing.gateways()["simulated"]
    carried_by(Broken())
    for number in range(60):
        assert ask(guest, kazakh(number), f"198.51.100.{number % 20}", START + number * SECOND).status_code == 503
    carried_by(usual)
    later = START + 6 * MINUTE
    assert ask(guest, ALIYA, "198.51.100.0", later).status_code == 201
    assert not Pause.objects.exists()


def test_an_address_most_of_whose_codes_are_confirmed_is_no_source(guest, conversion):
    """Thousands share an address behind a mobile operator, and some of them mistype."""
    for number in range(40):
        person = guest(kazakh(500 + number))
        person.client.defaults["REMOTE_ADDR"] = "192.0.2.77"
        with clock.at(START):
            code = person.ask().json()["code"]
            if number >= 4:
                person.confirm(code)
    for number in range(200):
        spread(guest, number, START + number * SECOND)
    ask(guest, ALIYA, "192.0.2.1", START + 10 * MINUTE)
    assert "address:KZ:192.0.2.77" not in Pause.objects.values_list("scope", flat=True)
    assert Pause.objects.filter(scope__startswith="address:").count() == 50


def test_what_a_dry_run_paused_is_open_when_the_run_is_over(guest, conversion, settings):
    settings.DRY_RUN = ["CONVERSION"]
    at = START
    for number in range(75):
        spread(guest, number, at)
        at += 15 * SECOND
    assert Pause.objects.get().is_dry
    assert ask(guest, ALIYA, "192.0.2.1", at + MINUTE).status_code == 201
    settings.DRY_RUN = []
    Challenge.objects.update(region="")  # so that nothing is judged anew
    assert ask(guest, ALIYA, "192.0.2.2", at + 2 * MINUTE).status_code == 201


def test_the_wait_of_a_pause_is_true_of_the_limits_as_well(guest, only):
    only("CODES_PER_PHONE", "CODES_WHILE_SLOWED")
    for number in range(3):
        ask(guest, ALIYA, f"192.0.2.{number}", START)
    Pause.objects.create(scope="region:KZ", region="KZ", seconds=60, ends_at=START + MINUTE)
    answer = ask(guest, ALIYA, "192.0.2.9", START + SECOND)
    assert answer.json()["retry_after"] == 900
    assert ask(guest, ALIYA, "192.0.2.9", START + SECOND + 900 * SECOND).status_code == 201
