"""The room's place in Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    """Floor 2."""

    name = "guestlist.people"
    verbose_name = _("People")
