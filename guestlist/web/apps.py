"""The room's place in Django."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Floor 4."""

    name = "guestlist.web"

    def ready(self) -> None:
        """Refuse limits that are misspelt or cannot be read, before anything is served."""
        from guestlist.invites import policies as invites
        from guestlist.lib import limits
        from guestlist.signin import policies as signin

        known = {**signin.POLICIES, **invites.POLICIES}
        limits.check_names(known.values())
        limits.in_force(known)
