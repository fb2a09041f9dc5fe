#!/usr/bin/env python3
"""Django's command line: `./manage.py COMMAND`. Uses `.venv` by itself when `make` has set it up."""

import importlib.util
import os
import sys
from pathlib import Path

VENV_PYTHON = Path(__file__).resolve().parent / ".venv" / "bin" / "python"


def main() -> None:
    """Run one command; a wrong setting ends it with a sentence instead of a traceback."""
    if importlib.util.find_spec("django") is None and VENV_PYTHON.exists():
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), *sys.argv])  # noqa: S606  # itself, by the right Python
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "guestlist.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as wrong:
        sys.exit(f"guestlist: {wrong}")


if __name__ == "__main__":
    main()
