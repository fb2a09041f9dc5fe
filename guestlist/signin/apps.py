"""The room's place in Django, and what it tells the rooms below."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SigninConfig(AppConfig):
    """Floor 3."""

    name = "guestlist.signin"
    verbose_name = _("Signing in")

    def ready(self) -> None:
        """Tell delivery of messages with codes, people what a block does and what we hold, what dies, our figures."""
        from guestlist.delivery import actions as delivery
        from guestlist.delivery import wording
        from guestlist.lib import dying
        from guestlist.people import actions as people
        from guestlist.people import holders
        from guestlist.signin import challenges, devices, figures, leaving, models, texts

        wording.tell(texts.KIND, texts.laid_out)
        delivery.tell(texts.KIND, challenges.codes, texts.rendered, challenges.not_sent)
        people.when_blocked(devices.forget_all)
        holders.tell(holders.Holder(leaving.PART, leaving.held, leaving.erase, leaving.close))
        holders.tell(holders.Holder("messages", leaving.messages, leaving.forget_messages))
        dying.tell(*models.OLD)
        figures.show()
