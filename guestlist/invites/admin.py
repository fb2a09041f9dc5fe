"""Activations and their journal, as operators see them."""

from django.contrib import admin

from guestlist.invites.models import Activation, JournalLine
from guestlist.lib.desk import ByPhone, LookOnly


@admin.register(Activation)
class ActivationAdmin(ByPhone, LookOnly):
    """Who entered whose code."""

    phone_field = "invitee__phone"
    list_display = ("invitee", "code", "inviter", "activated_at")
    fields = ("invitee", "code", "inviter", "activated_at")
    list_select_related = ("invitee", "inviter")
    code_field = "code"
    search_fields = ("invitee__phone", "inviter__phone")
    ordering = ("-activated_at",)
    show_full_result_count = False


@admin.register(JournalLine)
class JournalAdmin(ByPhone, LookOnly):
    """What happened to activations; lines are only ever added."""

    list_display = ("at", "what", "invitee_id", "inviter_id", "code", "actor", "reason")
    list_filter = ("what",)
    phone_field = ""
    code_field = "code"
    search_fields = ("=invitee_id", "=inviter_id")
    ordering = ("-at",)
    show_full_result_count = False
