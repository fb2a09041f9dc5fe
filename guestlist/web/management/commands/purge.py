"""`manage.py purge`: delete what is past its use, as web and worker processes do by themselves every PURGE_EVERY s."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from guestlist.lib import clock, dying


class Command(BaseCommand):
    """Deletes in small batches; nobody who signs in meanwhile has to wait. Two at once share the work."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Only one."""
        parser.add_argument("--dry-run", action="store_true", help="only count what would be deleted")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many of each kind."""
        act = dying.count if options["dry_run"] else dying.purge
        for kind in dying.kinds():
            self.stdout.write(f"{kind.name}: {act(kind, clock.now())}")
