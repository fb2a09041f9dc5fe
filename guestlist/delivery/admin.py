"""Messages, as operators see them: never with their text; and the words that operators give them."""

from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from guestlist.delivery import rests, routing, segments, wording
from guestlist.delivery.models import Attempt, Message, Rest, Wording
from guestlist.lib import clock
from guestlist.lib.desk import ByPhone, LookOnly, operator
from guestlist.lib.export import Exported
from guestlist.lib.phone import starred


class ByGateway(admin.SimpleListFilter):
    """All gateways that there are, without reading a million rows to find which of them stand there."""

    title = _("gateway")
    parameter_name = "gateway"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Their names."""
        return [(name, name) for name in routing.CLASSES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows of the chosen one."""
        return queryset.filter(gateway=self.value()) if self.value() else queryset


class AttemptsOf(admin.TabularInline):  # type: ignore[type-arg]
    """On a message's page: the gateways that were asked, one after another."""

    model = Attempt
    fields = ("gateway", "channel", "state", "reason", "began_at", "ended_at", "price", "currency", "provider_id")
    ordering = ("began_at", "id")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never by hand."""
        return False

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(Message)
class MessageAdmin(ByPhone, LookOnly, Exported):
    """What was sent to whom, and whether it arrived. In the list numbers are starred; the whole one finds them."""

    list_display = ("number", "kind", "channel", "gateway", "state", "reason", "created_at", "sent_at", "ended_at")
    fields = (
        *("phone", "region", "kind", "language", "channel", "again", "gateway", "state", "reason", "claims"),
        *("created_at", "due_at", "expires_at", "sent_at", "ended_at"),
    )
    list_filter = ("state", ByGateway)
    search_fields = ("phone",)
    ordering = ("-created_at",)
    inlines = (AttemptsOf,)

    @admin.display(description=_("phone"))
    def number(self, message: Message) -> str:
        """Whom it went to."""
        return starred(message.phone)


@admin.register(Attempt)
class AttemptAdmin(ByPhone, LookOnly):
    """Which gateway was asked, and what it said; found by the number of its message, and by the provider's id."""

    phone_field = "message__phone"
    list_display = (
        *("began_at", "number", "gateway", "channel", "state", "reason", "seconds", "price", "currency"),
        "provider_id",
    )
    fields = ("message", *AttemptsOf.fields)
    list_filter = ("state", ByGateway)
    list_select_related = ("message",)
    search_fields = ("provider_id",)
    search_help_text = _("A phone number in any spelling, or the provider's number")
    ordering = ("-began_at",)

    def otherwise(self, words: str) -> Q:
        """The provider's number: the index has it under each gateway."""
        return Q(gateway__in=list(routing.CLASSES), provider_id=words)

    @admin.display(description=_("phone"))
    def number(self, attempt: Attempt) -> str:
        """Whom its message went to."""
        return starred(attempt.message.phone)

    @admin.display(description=_("seconds"))
    def seconds(self, attempt: Attempt) -> str:
        """How long it took to answer."""
        return f"{(attempt.ended_at - attempt.began_at).total_seconds():.2f}"


@admin.register(Rest)
class RestAdmin(LookOnly):
    """Gateways that fail; after ten failures in a row nobody asks them for a while."""

    list_display = ("gateway", "failures", "rests_until", "is_resting")
    fields = ("gateway", "failures", "rests_until")
    search_fields = ("gateway",)
    ordering = ("gateway",)
    actions = ("wake",)

    @admin.display(description=_("rests"), boolean=True)
    def is_resting(self, rest: Rest) -> bool:
        """Whether nobody asks it now."""
        return rest.rests_until is not None and rest.rests_until > clock.now()

    def has_wake_permission(self, request: HttpRequest) -> bool:
        """Ending a rest is changing its row, for those who may."""
        return admin.ModelAdmin.has_change_permission(self, request)

    @admin.action(description=_("Ask it again now"), permissions=["wake"])
    def wake(self, request: HttpRequest, resting: QuerySet[Rest]) -> None:
        """End the rests of those that were chosen in the list."""
        for rest in resting:
            rests.wake(rest.gateway, operator(request))


class WordingForm(forms.ModelForm):  # type: ignore[type-arg]
    """Words that fit what is sent with them: this service's name, and its app's hash."""

    kind = forms.ChoiceField(label=_("kind"), choices=lambda: [(kind, kind) for kind in wording.kinds()])
    language = forms.ChoiceField(label=_("language"), choices=settings.LANGUAGES)
    text = forms.CharField(
        label=_("text"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=Wording._meta.get_field("text").max_length,
        help_text=_(
            "{code} is where the code goes. The last line of the message follows by itself; all of it must be one"
            " segment: in Russian no more than 70 characters."
        ),
    )

    def clean_text(self) -> str:
        """The words, with line breaks as messages have them."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    def clean(self) -> dict[str, Any] | None:
        """Refuses words that messages of this kind cannot have."""
        cleaned = super().clean() or self.cleaned_data
        kind = cleaned.get("kind") or self.instance.kind  # read-only in a row that exists
        if kind and "text" in cleaned and (fault := wording.fault(kind, cleaned["text"])):
            self.add_error("text", fault)
        return cleaned


@admin.register(Wording)
class WordingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Words that operators put in the place of ours, how much they take, and what the messages look like."""

    form = WordingForm
    list_display = ("kind", "language", "text", "fits", "changed_at")
    fields = ("kind", "language", "text", "preview")
    search_fields = ("text",)
    ordering = ("kind", "language")

    def get_readonly_fields(self, request: HttpRequest, obj: Wording | None = None) -> tuple[str, ...]:
        """Which messages the words are for is said once."""
        return ("kind", "language", "preview") if obj else ("preview",)

    @admin.display(description=_("one segment"), boolean=True)
    def fits(self, obj: Wording) -> bool:
        """Whether they are what is sent, however many digits the code has."""
        return wording.fits(wording.whole(obj.kind, obj.text, wording.TRIED[-1]))

    @admin.display(description=_("preview"))
    def preview(self, obj: Wording) -> str:
        """The messages with the shortest and with the longest code, as they are sent, and what they take."""
        if not obj.pk:
            return "-"
        return format_html_join("", "<pre>{}</pre><p>{}</p>", map(partial(_shown, obj), wording.TRIED))

    def save_model(self, request: HttpRequest, obj: Wording, form: Any, change: bool) -> None:
        """Save the words and say who did."""
        wording.put(obj, operator(request))

    def delete_model(self, request: HttpRequest, obj: Wording) -> None:
        """Remove these."""
        wording.remove(obj, operator(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Wording]) -> None:
        """Remove those that were chosen in the list."""
        for found in queryset:
            wording.remove(found, operator(request))


def _shown(obj: Wording, digits: str) -> tuple[str, str]:
    text = wording.whole(obj.kind, obj.text, digits)
    size = segments.size(text)
    took = gettext("%(encoding)s, %(units)s units, segments: %(segments)s") % size._asdict()
    if wording.fits(text):
        return text, took
    return text, f"{took}. {gettext('Too long: our own words are sent instead.')}"
