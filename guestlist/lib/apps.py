"""The tools' place in Django: they keep two tables, of limits and of the audit trail."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LibConfig(AppConfig):
    """Floor 1."""

    name = "guestlist.lib"
    label = "limits"
    verbose_name = _("Security")

    def ready(self) -> None:
        """Tell which rows die, and whether Redis answers."""
        from guestlist.lib import audit, dying, metrics, usage, volatile

        dying.tell(usage.OLD, audit.OLD)
        words = "Whether the Redis of REDIS_URL answered just now (1); 0 without one too."
        metrics.gauge("limits_redis_up", words, lambda: volatile.is_in_use() and volatile.answers())
