"""What the index of the admin asks for: the verdict, for those who may see it."""

from typing import Any

from django import template

from guestlist.dashboard import views
from guestlist.dashboard.overview import judge
from guestlist.dashboard.verdict import Verdict
from guestlist.lib import clock

register = template.Library()


@register.simple_tag(takes_context=True)
def judged(context: dict[str, Any]) -> Verdict | None:
    """Whether all is well now; None for operators who may not see the overview."""
    return judge(clock.now()).verdict if views.may_see_all(context["request"]) else None
