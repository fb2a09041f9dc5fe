"""The phone that the sandbox draws beside the form: what has arrived on it."""

from guestlist.delivery import actions as delivery

BESIDE_THE_FORM = 5  # messages; the inbox page shows more


def arrived(phone: str) -> list[delivery.Arrived]:
    """The newest messages to an E.164 number, newest first; none with a live gateway."""
    return delivery.inbox(BESIDE_THE_FORM, phone) if delivery.is_sandbox() else []
