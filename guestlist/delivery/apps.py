"""The room's place in Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeliveryConfig(AppConfig):
    """Floor 2."""

    name = "guestlist.delivery"
    verbose_name = _("Delivery")

    def ready(self) -> None:
        """Tell which rows die and what a test message says, show our figures, and check the gateways before a start."""
        from guestlist.delivery import checks as checks
        from guestlist.delivery import figures, models, trial
        from guestlist.lib import dying

        dying.tell(*models.OLD)
        trial.tell()
        figures.show()
