"""What `manage.py check`, and whatever else checks the settings first, finds wrong with the gateways."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, register

from guestlist.delivery import routing


@register
def gateways(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Make them all: ImproperlyConfigured is the sentence that ends the start, as with every setting."""
    routing.gateways()
    return []
