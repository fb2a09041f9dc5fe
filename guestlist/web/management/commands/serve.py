"""`manage.py serve`: bring the database up to date, make the first operator, and serve."""

import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from guestlist.delivery import actions as delivery
from guestlist.delivery import routing, stamp
from guestlist.lib import shared_counts, volatile
from guestlist.lib.sql import one_at_a_time
from guestlist.web.management.slate import clean_slate

SANDBOX = "SANDBOX: no message is really sent, and every code is shown to whoever asks for it."
NO_REDIS = "REDIS_URL: Redis cannot be used; until it can, its limits run at half their figures in the database."


class Command(BaseCommand):
    """Serves with granian. Several of these may start at once: one migrates, the others wait."""

    help = __doc__
    requires_system_checks: list[str] = []  # granian's processes load the same settings; a start stays short

    def handle(self, *args: Any, **options: Any) -> None:
        """Does not return: this process becomes the server's."""
        routing.gateways()  # ImproperlyConfigured names the setting that one of them lacks
        self._claim_port()
        try:
            self._prepare()
        except stamp.Misfit as misfit:
            raise CommandError(str(misfit)) from misfit
        except (DatabaseError, OSError) as error:
            raise CommandError(f"DATABASE_URL: the database cannot be used: {str(error).strip()}") from error
        if delivery.is_sandbox():
            self.stderr.write(self.style.WARNING(SANDBOX))
        if volatile.is_in_use() and not volatile.answers():
            self.stderr.write(self.style.WARNING(NO_REDIS))
        host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
        self.stderr.write(f"Guestlist on http://{host}:{settings.PORT}/")
        sys.stderr.flush()
        self._share_counts()
        command = [
            *("--interface", "wsgi", "--http", "1", "--no-ws"),
            *("--host", settings.HOST, "--port", str(settings.PORT)),
            *("--workers", str(settings.WEB_CONCURRENCY), "--blocking-threads", str(settings.WEB_THREADS)),
            *("--workers-kill-timeout", "30", "--respawn-failed-workers"),
            *("--log-level", "error"),  # its start-up lines; ours are above
        ]
        server = [sys.executable, "-m", "granian", *command, "guestlist.wsgi:application"]
        os.execv(sys.executable, server)  # noqa: S606  # no shell, and no process between a supervisor and the server

    def _prepare(self) -> None:
        name = settings.DATABASES["default"]["NAME"]
        if settings.USING_SQLITE and not os.path.exists(name):
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600))  # people's numbers: for nobody else's eyes
        with one_at_a_time("migrate"), clean_slate():
            if "delivery_stamp" in connection.introspection.table_names():
                stamp.check()  # before anything is changed in it
            call_command("migrate", interactive=False, verbosity=0)
            stamp.check()
            self._first_operator()

    def _share_counts(self) -> None:
        shared_counts.sweep()
        os.environ.pop(shared_counts.VARIABLE, None)
        if settings.WEB_CONCURRENCY > 1:
            try:
                os.environ[shared_counts.VARIABLE] = str(shared_counts.new_folder())
            except OSError as error:
                raise CommandError(
                    f"TMPDIR: WEB_CONCURRENCY={settings.WEB_CONCURRENCY} needs a folder for its counts: {error}."
                ) from error

    def _claim_port(self) -> None:
        # The server's own sockets may share a port: a second server would start in silence and take every other call.
        family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.HOST, settings.PORT))
            except OSError as error:
                raise CommandError(
                    f"PORT {settings.PORT} on {settings.HOST} cannot be had: {error.strerror}."
                ) from error

    def _first_operator(self) -> None:
        name, password = settings.OPERATOR_NAME, settings.OPERATOR_PASSWORD
        if bool(name) != bool(password):
            raise CommandError("OPERATOR_NAME and OPERATOR_PASSWORD go together; one of them is missing.")
        if name and not User.objects.filter(username=name).exists():
            try:
                validate_password(str(password), User(username=name))
            except ValidationError as error:
                raise CommandError(f"OPERATOR_PASSWORD: {' '.join(error.messages)}") from error
            User.objects.create_superuser(name, password=password)
            self.stderr.write(f"Made the operator {name}.")
