"""What operators watch of signing in: the day's budget, and the breaker."""

from django.conf import settings

from guestlist.lib import clock
from guestlist.lib.metrics import gauge
from guestlist.signin import guard, sending


def show() -> None:
    """Put the room's figures among the metrics."""
    gauge("sms_budget", "Codes that may be sent in a day (UTC): SMS_DAILY_BUDGET.", lambda: settings.SMS_DAILY_BUDGET)
    gauge(
        "sms_budget_used",
        "Codes that were sent on this day (UTC); 0 in the relaxed sandbox, which does not count them.",
        lambda: sending.budget_used(clock.now()),
    )
    gauge(
        "breaker_open",
        "Whether unknown devices get longer codes everywhere (1), because too many short ones were guessed at.",
        lambda: guard.breaker(clock.now()).is_open,
    )
    gauge(
        "wrong_guesses_day",
        "Wrong guesses of unknown devices at codes of fewer than 6 digits, in 24 hours.",
        lambda: guard.breaker(clock.now()).day,
    )
    gauge("wrong_guesses_month", "The same, in 30 days.", lambda: guard.breaker(clock.now()).month)
