"""The words of the messages that carry codes; made at the moment of sending, kept nowhere."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from guestlist.delivery import wording
from guestlist.signin import challenges

KIND = "code"
BUILT_IN = (gettext_noop("Your code is %(code)s. Do not share it."), gettext_noop("Code: %(code)s"))  # longest first


def code(challenge_id: str) -> str | None:
    """The text with the code, in the language in force; None when there is no such challenge, or its key, any more."""
    challenge = challenges.find(challenge_id)
    if challenge is None or not challenges.has_pepper(challenge):
        return None
    return rendered(challenges.code_of(challenge))


def rendered(digits: str, language: str | None = None) -> str:
    """The text of a message with this code, in this language or in the one in force: one segment wherever it can be.

    The first of these words that fit: the operators', the long ones, the short ones, none but the code.
    """
    language = language or translation.get_language() or settings.LANGUAGE_CODE
    own = wording.current(KIND, language)
    with translation.override(language):
        built_in = [gettext(words) % {"code": wording.CODE} for words in BUILT_IN]
    texts = [laid_out(words, digits) for words in [*([own] if own else []), *built_in, wording.CODE]]
    return next((text for text in texts if wording.fits(text)), texts[-1])


def laid_out(words: str, digits: str) -> str:
    """The whole text: the words, for Android the app's hash, and last the line that lets browsers fill the code in.

    That is `@host #code`, WICG's "Origin-bound one-time codes" (https://wicg.github.io/sms-one-time-codes/). Its host
    is the one we are configured with, never one that a request names. There is an empty line behind the words where
    the text fits with it. The hash may stand anywhere: https://developers.google.com/identity/sms-retriever/verify.
    """
    said = words.replace(wording.CODE, digits)
    last = f"@{_host()} #{digits}"
    lines = f"{settings.ANDROID_APP_HASH}\n{last}" if settings.ANDROID_APP_HASH else last
    airy = f"{said}\n\n{lines}"
    return airy if wording.fits(airy) else f"{said}\n{lines}"


def _host() -> str:
    name = urlsplit(settings.PUBLIC_URL).hostname or ""
    return f"[{name}]" if ":" in name else name


wording.tell(KIND, laid_out)
