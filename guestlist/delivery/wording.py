"""Operators' own words for messages, in each language: what they may be, how they are changed, and read to send.

Sending is hot, so a process remembers for a while what it has read, also that there is nothing to read.
"""

import re
import threading
import unicodedata
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from guestlist.delivery import models, segments
from guestlist.lib import audit, clock, sql
from guestlist.lib.audit import Operator

CODE = "{code}"  # where the code goes
TRIED = ("1234", "12345678")  # the shortest code that CODE_DIGITS allows, and the longest
RETRIEVED = 140  # bytes: https://developers.google.com/identity/sms-retriever/verify
KEPT = timedelta(seconds=10)  # what was read is true for so long
FRESH = timedelta(seconds=5)  # then one thread reads it anew, and the others go on with what is known
PATIENCE = timedelta(seconds=1)  # and if that one fails, another one does

_layouts: dict[str, Callable[[str, str], str]] = {}


def tell(kind: str, layout: Callable[[str, str], str]) -> None:
    """Called by a higher room: messages of this kind may have other words, and how words and a code become a text."""
    _layouts[kind] = layout


def kinds() -> Collection[str]:
    """The kinds of messages whose words can be changed."""
    return _layouts.keys()


def whole(kind: str, words: str, digits: str) -> str:
    """The text of a message with these words and this code."""
    return _layouts[kind](words, digits)


# ---- what they may be


def fits(text: str) -> bool:
    """Whether a text is one segment and, where Android apps wait for it, short enough for them.

    Google does not say in which encoding its 140 bytes are; a segment has no more, but UTF-8 may need more.
    """
    return segments.is_one(text) and (not settings.ANDROID_APP_HASH or len(text.encode()) <= RETRIEVED)


def fault(kind: str, words: str) -> str:
    """What is wrong with words for messages of this kind, in the language in force; "" when nothing is."""
    if words.count(CODE) != 1 or re.search("[{}]", words.replace(CODE, "")):
        return _("There must be {code} exactly once, and no other braces.")
    if re.search(r"\w\{code\}|\{code\}\w", words):
        return _("There must be no letter or digit right before or behind {code}: it would look like a part of it.")
    if words != words.strip() or any(_is_unseen(letter) for letter in words):
        return _("There must be no spaces or line breaks at the ends, and no invisible characters.")
    if re.search("[@#]", words):
        return _("There must be no @ and no #: browsers look for the code behind them, in the last line.")
    text = whole(kind, words, TRIED[-1])
    if fits(text):
        return ""
    found = segments.size(text)
    return _(
        "With 8 digits the whole message takes %(units)s units of %(encoding)s (one segment has %(most)s) and %(bytes)s"
        " bytes, segments: %(segments)s. It must be one segment, and with an app's hash no more than %(retrieved)s"
        " bytes."
    ) % {
        "segments": found.segments,
        "encoding": found.encoding,
        "units": found.units,
        "most": segments.ALONE[found.encoding],
        "bytes": len(text.encode()),
        "retrieved": RETRIEVED,
    }


def _is_unseen(letter: str) -> bool:
    return letter != "\n" and (unicodedata.category(letter)[0] == "C" or letter in "\u2028\u2029")


# ---- how they are changed


@sql.in_one_transaction
def put(wording: models.Wording, operator: Operator) -> None:
    """Save an operator's words. Other processes send them within 10 s."""
    wording.changed_at = clock.now()
    wording.save()
    _note(wording, operator)


@sql.in_one_transaction
def remove(wording: models.Wording, operator: Operator) -> None:
    """Remove an operator's words: the built-in ones are sent again, by other processes within 10 s."""
    _note(wording, operator, removed="yes")
    wording.delete()


def _note(wording: models.Wording, operator: Operator, removed: str | None = None) -> None:
    of, language = wording.kind, wording.language
    audit.record("wording.changed", ip=operator.ip, kind=of, language=language, removed=removed, by=operator.name)
    transaction.on_commit(partial(_known.pop, (of, language), None))


# ---- how they are read


class Known(NamedTuple):
    """What was read, when, and from when on it is read anew."""

    words: str | None
    read_at: datetime
    fresh_until: datetime


_known: dict[tuple[str, str], Known] = {}
_turn = threading.Lock()


def current(kind: str, language: str) -> str | None:
    """The words of operators for this kind of message, None when there are none; at most 10 s old."""
    now = clock.now()
    known = _remembered(kind, language, now)
    if known is None:
        # Not under the lock: whoever waits there may hold the connection that the reader needs.
        found = sql.row(models.WORDING, kind, language)
        known = Known(str(found[0]) if found else None, now, now + FRESH)
        _known[kind, language] = known
    return known.words


def _remembered(kind: str, language: str, now: datetime) -> Known | None:
    """What is known and good enough; None when this thread is the one that shall read."""
    with _turn:
        known = _known.get((kind, language))
        if known is None or not known.read_at <= now < known.read_at + KEPT:  # or the clock was set back
            return None
        if now < known.fresh_until:
            return known
        _known[kind, language] = known._replace(fresh_until=now + PATIENCE)
        return None
