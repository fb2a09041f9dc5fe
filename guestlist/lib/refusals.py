"""Refusals: a "no" with a stable name. The names and words are here; what HTTP makes of them is in api/errors.py."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

WORDS = {
    # the request itself
    "too_many_requests": _("Too many requests. Wait as long as retry_after says."),
    "not_found": _("There is nothing at this address."),
    "method_not_allowed": _("This address does not take that method."),
    "length_required": _("Say the length of the body: chunked bodies are not taken."),
    "too_large": _("The body is too large; 16 KiB is the limit."),
    "unsupported_media_type": _("Send the body as application/json in UTF-8."),
    "invalid_request": _("The request does not fit; see the errors, or send one JSON object."),
    "invalid_host": _("This service does not answer under that host name."),
    "csrf_failed": _("The CSRF token is missing or wrong; send the csrftoken cookie's value as X-CSRFToken."),
    "cross_site": _("This request came from another site."),
    "forbidden": _("You may not do that."),
    "not_signed_in": _("Sign in first."),
    "internal_error": _("Something broke on our side. The request id helps us to find it."),
    "unavailable": _("The service cannot reach its database right now. Try again shortly."),
    # signing in
    "invalid_phone": _("This is not a phone number we know how to reach."),
    "phone_not_allowed": _("No codes are sent to this number."),
    "wrong_code": _("This is not the code."),
    "code_expired": _("This code is used up or too old. Ask for a new one."),
    "person_blocked": _("This person may not sign in."),
    "sandbox_full": _("This sandbox has as many people as it may have; who has signed in before still can."),
    "delivery_failed": _("The code could not be sent right now. Try again shortly."),
    "confirm_again": _("This needs a sign-in that is no older than 5 minutes. Sign in again."),
    # the profile
    "invalid_username": _("A name has at most 150 characters and no control characters."),
    "invalid_email": _("This is not an e-mail address."),
    # invite codes
    "malformed_invite": _("An invite code has 6 letters and digits."),
    "unknown_invite": _("Nobody has this invite code."),
    "own_invite": _("This is your own invite code."),
    "invite_loop": _("You invited this person; the two of you cannot invite each other."),
    "already_activated": _("You have already entered an invite code; it can be done only once."),
}


class Refusal(Exception):
    """A "no" that the caller is told about; `extra` are fields of the answer, such as `attempts_left`."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def __str__(self) -> str:
        return gettext(WORDS[self.code])


class Because(Exception):
    """Why, in a name of ours: as the cause of a refusal it is told to the audit trail, and to nobody else."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.reason, self.facts = reason, facts
