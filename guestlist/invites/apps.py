"""The room's place in Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvitesConfig(AppConfig):
    """Floor 3."""

    name = "guestlist.invites"
    verbose_name = _("Invites")
