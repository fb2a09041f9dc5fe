"""The environment, read once and typed; what does not fit stops the start with a sentence that names the variable."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
SECONDS = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?")


class Environment:
    """Typed reads of variables. An empty value counts as absent. `names` collects every name that was read."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.names: dict[str, str] = {}

    def text(self, name: str, default: str, one_of: Sequence[str] | None = None) -> str:
        """Text; with `one_of`, only one of these words."""
        value = self._read(name, default)
        if one_of and value not in one_of:
            raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of: {', '.join(one_of)}.")
        return value

    def words(self, name: str, default: str = "", separator: str = ",") -> list[str]:
        """A list of words, separated by commas or by another mark."""
        return [word.strip() for word in self._read(name, default).split(separator) if word.strip()]

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number between `low` and `high`, both included."""
        value = self._read(name, str(default))
        if not re.fullmatch(r"\d{1,10}", value) or not low <= int(value) <= high:
            raise ImproperlyConfigured(f"{name} is {value!r}; it must be a whole number from {low} to {high}.")
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no."""
        value = self._read(name, "yes" if default else "no").lower()
        if value not in TRUE + FALSE:
            raise ImproperlyConfigured(f"{name} is {value!r}; it must be yes or no.")
        return value in TRUE

    def seconds(self, name: str, default: str) -> tuple[float, float]:
        """A span of seconds: `1-2`, or one number for both ends; at most 60."""
        value = self._read(name, default)
        match = SECONDS.fullmatch(value)
        low = float(match[1]) if match else 0.0
        high = float(match[2] or match[1]) if match else -1.0
        if not 0 <= low <= high <= 60:
            raise ImproperlyConfigured(f"{name} is {value!r}; it must be seconds, such as 1-2 or 0, at most 60.")
        return low, high

    def origin(self, name: str, default: str) -> str:
        """The scheme, host and port of a public address: `https://guests.example.org`."""
        return _origin(name, self._read(name, default))

    def origins(self, name: str) -> list[str]:
        """A list of such addresses, separated by commas."""
        return [_origin(name, word) for word in self.words(name)]

    def secret(self, name: str) -> str | None:
        """A secret from NAME, or from the file that NAME_FILE names; None when neither is set."""
        value, file = self._read(name, ""), self._read(f"{name}_FILE", "")
        if value and file:
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; keep one.")
        if file:
            try:
                value = Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}.") from error
            if not value:
                raise ImproperlyConfigured(f"{name}_FILE names an empty file.")
        return value or None

    def _read(self, name: str, default: str) -> str:
        self.names[name] = default
        return self._variables.get(name, "").strip() or default


def _origin(name: str, text: str) -> str:
    value = text.rstrip("/")
    if not _is_origin(value) or "*" in value:  # a pattern would be one that nothing ever fits
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be like https://guests.example.org, without a path.")
    return value


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:  # a port that is none, half an IPv6 address
        return False
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return parts.scheme in ("http", "https") and bool(host) and text == f"{parts.scheme}://{host}{port}"
