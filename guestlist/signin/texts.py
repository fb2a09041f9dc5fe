"""The words of the messages that carry codes; made at the moment of sending, kept nowhere."""

from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from guestlist.delivery import wording

KIND = "code"
BUILT_IN = (gettext_noop("Your code is %(code)s. Do not share it."), gettext_noop("Code: %(code)s"))  # longest first


def rendered(digits: str, language: str | None = None) -> str:
    """The text of a message with this code, in this language or in the one in force: one segment wherever it can be."""
    language = language or translation.get_language() or settings.LANGUAGE_CODE
    own = wording.current(KIND, language)
    return laid_out(_words(own, language, len(digits), settings.PUBLIC_URL, settings.ANDROID_APP_HASH), digits)


@lru_cache(maxsize=64)
def _words(own: str | None, language: str, length: int, *_: str) -> str:
    """The first of these words that fit: the operators', the long ones, the short ones, none but the code."""
    with translation.override(language):
        built_in = [gettext(words) % {"code": wording.CODE} for words in BUILT_IN]
    all_words = [*([own] if own else []), *built_in, wording.CODE]
    return next((words for words in all_words if wording.fits(laid_out(words, "0" * length))), wording.CODE)


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
