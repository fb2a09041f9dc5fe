"""`manage.py golive`: turn the sandbox's database into a live one. There is no way back."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from guestlist.delivery import actions as delivery
from guestlist.delivery import stamp
from guestlist.invites import actions as invites
from guestlist.lib import audit, sql, usage
from guestlist.people import actions as people
from guestlist.signin import actions as signin

WARNING = """This deletes every person of the sandbox, with their sessions, devices, codes, messages and activations:
anybody could sign in as anybody there. Operators and the audit trail stay. There is no way back.
Stop the service first; it may start again when this is done."""


class Command(BaseCommand):
    """Runs with the settings that the live service will have."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """`--yes` asks nothing."""
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete, and stamp."""
        if delivery.is_sandbox():
            raise CommandError("SMS_GATEWAYS names no live gateway: run this with the settings of the live service.")
        try:
            if stamp.stamped() == stamp.LIVE:
                raise CommandError("This database is live already.")
        except DatabaseError as error:
            raise CommandError(f"DATABASE_URL: the database cannot be used: {str(error).strip()}") from error
        if not options["yes"]:
            self.stdout.write(WARNING)
            if input("Type golive to go on: ") != "golive":
                raise CommandError("Nothing was changed.")
        with sql.one_at_a_time("migrate"):
            deleted = _go_live()
        self.stdout.write("".join(f"{number:>8} {name}\n" for name, number in deleted.items()), ending="")
        self.stdout.write("This database is live.")


@sql.in_one_transaction
def _go_live() -> dict[str, int]:
    stamp.go_live()  # locks the stamp: sign-ins under way are waited for, and seen below; later ones are refused
    deleted = {**invites.delete_all(), **signin.delete_all(), **delivery.delete_all(), **people.delete_all()}
    usage.delete_all()
    audit.record("went.live", people=deleted["people"])
    return deleted
