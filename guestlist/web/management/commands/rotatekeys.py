"""`manage.py rotatekeys`: a new key for codes and for tokens; with --drop, no more old ones."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from guestlist.lib import keyfiles, keys

RESTART = (
    "Now restart every process. Nobody is signed out, and codes on their way stay good.\n"
    "After 15 minutes or more, `manage.py rotatekeys --drop` and another restart end the old keys."
)
DROPPED = "Now restart every process: what an old key has made ends then."


class Command(BaseCommand):
    """Changes the rings CODE_PEPPER and JWT_KEY: those that we keep in files here, the others by what it prints."""

    help = __doc__
    requires_system_checks: list[str] = []  # it touches keys and no database

    def add_arguments(self, parser: CommandParser) -> None:
        """One switch."""
        parser.add_argument("--drop", action="store_true", help="remove all keys but the newest of each ring")

    def handle(self, *args: Any, drop: bool, **options: Any) -> None:
        """A key goes to stdout only where somebody must carry it to a place of their own, and nowhere else."""
        change = keys.newest if drop else _rotate
        for name, written in settings.RING_SECRETS.items():
            if name in settings.GIVEN_SECRETS:
                self._print(name, change(written))
            else:
                self._rewrite(name, change)
        self.stderr.write(DROPPED if drop else RESTART)

    def _print(self, name: str, ring: str) -> None:
        self.stderr.write(f"{name} comes from the environment or from the file of {name}_FILE; set it there to:")
        self.stdout.write(f"{name}={ring}")

    def _rewrite(self, name: str, change: Callable[[str], str]) -> None:
        path = settings.SECRETS_FOLDER / name
        try:
            ring = keyfiles.rewrite(settings.SECRETS_FOLDER, name, change)
        except OSError as error:
            raise CommandError(f"{name}: {path} cannot be written: {error.strerror}.") from error
        ids = ", ".join(map(str, keys.ring_entries(ring)))
        self.stderr.write(f"{name} in {path} now has the keys {ids}; the first one makes what is new.")


def _rotate(ring: str) -> str:
    return keys.rotated(ring, keys.token(384))
