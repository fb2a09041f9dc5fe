"""Messages, as operators see them: never with their text."""

from django.contrib import admin

from guestlist.delivery.models import Message
from guestlist.lib.desk import ByPhone, LookOnly


@admin.register(Message)
class MessageAdmin(ByPhone, LookOnly):
    """What was sent to whom, and whether it arrived."""

    list_display = ("phone", "kind", "gateway", "state", "reason", "created_at", "ended_at")
    fields = ("phone", "kind", "language", "gateway", "state", "reason", "created_at", "expires_at", "ended_at")
    list_filter = ("state", "gateway")
    search_fields = ("phone",)
    ordering = ("-created_at",)
    show_full_result_count = False
