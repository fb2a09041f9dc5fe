"""`manage.py forgetstep NAME`: an operator has lost their authenticator and their recovery codes; they set up anew."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from guestlist.web import second_step


class Command(BaseCommand):
    """Whoever signs in next with their password sets an authenticator up: be sure that it is them."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose."""
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Forget it."""
        user = get_user_model().objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError("There is no operator of this name.")
        self.stdout.write("forgotten" if second_step.forget(user) else "there was none")
