"""The room's place in Django."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Floor 4."""

    name = "guestlist.web"

    def ready(self) -> None:
        """Limit operators' sign-in; refuse limits that are misspelt or cannot be read, before anything is served.

        And tell that operators' sessions die; they are in Django's own table.
        """
        from django.contrib import admin

        from guestlist.invites import policies as invites
        from guestlist.lib import dying, limits
        from guestlist.people import policies as people
        from guestlist.signin import policies as signin
        from guestlist.web import operators

        admin.site.login_form = operators.OperatorSignIn
        dying.tell(operators.OLD)
        known = {**signin.POLICIES, **invites.POLICIES, **people.POLICIES, **operators.POLICIES}
        known.pop("CODES_IN_ALL")  # SMS_DAILY_BUDGET says that one
        limits.check_names(known.values())
        limits.in_force(known)
