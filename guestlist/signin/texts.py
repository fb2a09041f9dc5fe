"""The words of the messages that carry codes; made at the moment of sending, kept nowhere."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext

from guestlist.signin import challenges


def code(challenge_id: str) -> str | None:
    """The text with the code, in the language in force; None when there is no such challenge, or its key, any more.

    Its last line lets browsers fill the code in: WICG's "Origin-bound one-time codes", `@host #code`.
    """
    challenge = challenges.find(challenge_id)
    if challenge is None or not challenges.has_pepper(challenge):
        return None
    digits = challenges.code_of(challenge)
    words = gettext("Your code is %(code)s. Do not share it.") % {"code": digits}
    return f"{words}\n\n@{urlsplit(settings.PUBLIC_URL).hostname} #{digits}"
