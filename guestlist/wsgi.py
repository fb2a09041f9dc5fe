"""What a WSGI server loads: `guestlist.wsgi:application`."""

import gc
import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
from django.utils.http import parse_header_parameters

from guestlist.lib import early_end, shared_counts

early_end.allow()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "guestlist.settings")
django = get_wsgi_application()
shared_counts.tidy()

from guestlist.api import door, gate  # noqa: E402  # after Django is set up
from guestlist.delivery import courier, routing, stamp  # noqa: E402
from guestlist.lib import sweeper  # noqa: E402

routing.gateways()  # one that lacks a setting stops the start, whichever server loads this
door.before_first_request = stamp.check_before_serving
get_resolver().url_patterns  # noqa: B018  # all that requests need is loaded now, and no request waits for it
gc.collect()
gc.freeze()  # nothing of it is ever garbage: to look through it again would stop the process for tens of milliseconds


@gate.gate
def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django's application behind the gate; a Content-Type that Django takes for a fault of ours is nonsense."""
    sweeper.start()  # not sooner: a server may fork after it has loaded this
    courier.start()
    content_type = environ.get("CONTENT_TYPE", "")
    if ";" in content_type:
        try:
            parse_header_parameters(content_type)
        except ValueError:
            environ["CONTENT_TYPE"] = "application/octet-stream"
    return django(environ, start_response)
