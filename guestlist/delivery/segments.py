"""How much of a text message a text takes: its encoding, its length in that, and its segments. Pure."""

from typing import NamedTuple

# 3GPP TS 23.038, 6.2.1: the basic table, each character in its place; \x1b is the escape to the next table.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"  # 6.2.1.1: the escape and one more, so each counts twice

# 3GPP TS 23.040, 9.2.3.24.1: a message carries 140 octets; one of several spends 6 of them on saying which it is.
OCTETS, HEADER = 140, 6
GSM, UCS = "GSM-7", "UCS-2"
ALONE = {GSM: OCTETS * 8 // 7, UCS: OCTETS // 2}  # 160 and 70
JOINED = {GSM: (OCTETS - HEADER) * 8 // 7, UCS: (OCTETS - HEADER) // 2}  # 153 and 67

_WIDTHS = {**dict.fromkeys(BASIC.replace("\x1b", ""), 1), **dict.fromkeys(EXTENSION, 2)}


class Size(NamedTuple):
    """What a text takes: `units` are septets of GSM-7, or UTF-16 units of UCS-2."""

    encoding: str
    units: int
    segments: int


def size(text: str) -> Size:
    """The size of a text as one message. National shift tables, which few gateways use, are left out."""
    encoding = GSM if all(letter in _WIDTHS for letter in text) else UCS
    widths = [_WIDTHS[letter] if encoding == GSM else _utf16(letter) for letter in text]
    return Size(encoding, sum(widths), _segments(widths, ALONE[encoding], JOINED[encoding]))


def is_one(text: str) -> bool:
    """Whether a text is one segment: it costs once, and arrives whole or not at all."""
    return size(text).segments == 1


def _utf16(letter: str) -> int:
    return 2 if ord(letter) > 0xFFFF else 1


def _segments(widths: list[int], alone: int, joined: int) -> int:
    if sum(widths) <= alone:
        return 1
    count, room = 1, joined
    for width in widths:
        if width > room:  # an escape and what follows it, or a pair of surrogates, stay together
            count, room = count + 1, joined
        room -= width
    return count
