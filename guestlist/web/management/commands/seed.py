"""`manage.py seed --people N`: fill a sandbox with a believable population, to see how it does when it has grown."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, IntegrityError

from guestlist.delivery import actions as delivery
from guestlist.delivery import population as messages
from guestlist.delivery import stamp
from guestlist.invites import population as invites
from guestlist.lib import audit, bulk, clock, sql
from guestlist.people import actions as people
from guestlist.people import population
from guestlist.signin import population as signin
from guestlist.signin import sessions

BAR = 40  # characters
MANY = 100_000  # invitees of the first one, where half of the people suffice for it; else a tenth of all


class Command(BaseCommand):
    """The same seed makes the same people. All or nothing: it is one transaction. Stop the service meanwhile."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """How many, and which."""
        parser.add_argument("--people", type=int, required=True, metavar="N", help=f"at most {population.MOST}")
        parser.add_argument("--seed", type=int, default=1, metavar="S", help="another one makes other people")
        parser.add_argument("--inviter", type=int, metavar="M", help="invitees of the first of them")
        parser.add_argument("--add", action="store_true", help="beside the people who are there")
        parser.add_argument("--bearer", action="store_true", help="sign the inviter in and print their token")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fill."""
        number = options["people"]
        invitees = MANY if number >= 2 * MANY else number // 10
        invitees = invitees if options["inviter"] is None else options["inviter"]
        if not 1 <= number <= population.MOST:
            raise CommandError(f"--people must be from 1 to {population.MOST}.")
        if not 0 <= invitees < number:
            raise CommandError(f"--inviter must be from 0 to {number - 1}: one fewer than there are people.")
        if not delivery.is_sandbox():
            raise CommandError("SMS_GATEWAYS names live gateways: only a sandbox is filled with invented people.")
        try:
            stamp.check()
            token = self._fill(options["seed"], number, invitees, options["add"], options["bearer"])
        except stamp.Misfit as misfit:
            raise CommandError(str(misfit)) from misfit
        except IntegrityError as error:
            raise CommandError(f"Somebody's row is in the way, nothing was changed: {str(error).strip()}") from error
        except DatabaseError as error:
            raise CommandError(f"DATABASE_URL: the database cannot be used: {str(error).strip()}") from error
        if token:
            self.stdout.write(token)

    def _fill(self, seed: int, number: int, invitees: int, is_added: bool, with_bearer: bool) -> str:
        with sql.one_at_a_time("migrate"):
            if not is_added and people.is_anybody_there():
                raise CommandError("There are people in this database already: --add puts others beside them.")
            tables, token = self._filled(seed, number, invitees, with_bearer)
        bulk.analyze(tables)
        return token

    @sql.in_one_transaction
    def _filled(self, seed: int, number: int, invitees: int, with_bearer: bool) -> tuple[list[str], str]:
        stamp.hold()
        drawn = population.drawn(seed, number, invitees, clock.now())
        sent = [messages.Sent(one.challenge, one.person.phone, one.at, one.expires_at) for one in signin.asked(drawn)]
        fillings = [
            *population.fillings(drawn),
            *invites.fillings(drawn),
            *signin.fillings(drawn),
            *messages.fillings(sent),
        ]
        for filling in fillings:
            self._tell(filling)
        tables = [filling.table for filling in fillings]
        bulk.settle(tables)
        host = drawn.person(population.HOST)
        audit.record("sandbox.seeded", people=number, seed=seed)
        if not with_bearer:
            return tables, ""
        return tables, sessions.open_session(host.id, "token", "", "127.0.0.1", "manage.py seed").token

    def _tell(self, filling: bulk.Filling) -> None:
        """Write the rows, with a bar that grows where somebody watches; a line at the end."""
        done, shown, is_watched = 0, -1, self.stderr.isatty()
        for written in bulk.fill(filling):
            done += written
            part = min(BAR, BAR * done // max(1, filling.about))
            if is_watched and part > shown:
                shown = part
                self.stderr.write(f"\r{'#' * part:{BAR}} {filling.table:20} {done:>9}", str, ending="")
                self.stderr.flush()
        line = f"{filling.table:20} {done:>9}"
        self.stderr.write(f"\r{line:{BAR + 32}}" if is_watched else line, str)
