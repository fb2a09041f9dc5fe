"""The room's place in Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeliveryConfig(AppConfig):
    """Floor 2."""

    name = "guestlist.delivery"
    verbose_name = _("Delivery")

    def ready(self) -> None:
        """Tell which rows die."""
        from guestlist.delivery import models
        from guestlist.lib import dying

        dying.tell(*models.OLD)
