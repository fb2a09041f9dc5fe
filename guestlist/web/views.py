"""The first page, the sandbox's inbox, and the two readers of the API's description."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from guestlist.api.service import messages_for
from guestlist.delivery import actions as delivery
from guestlist.lib import phone as phones
from guestlist.lib.refusals import Refusal
from guestlist.web import profile, signin, visitor


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """My profile when I am signed in, else the form that asks for a number."""
    who = visitor.signed_in(request)
    return profile.page(request, who) if who else signin.phone_form(request)


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """The messages that the sandbox "sent", as a phone shows them; with a live gateway there is no such address."""
    if not delivery.is_sandbox():
        raise Refusal("not_found")
    typed = request.GET.get("phone", "")
    number = phones.parse(typed, settings.PHONE_REGION) if typed else None
    return render(request, "web/inbox.html", {"phone": number, "arrived": messages_for(request, number)})


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI."""
    return render(request, "web/docs.html")


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    """ReDoc."""
    return render(request, "web/redoc.html")
