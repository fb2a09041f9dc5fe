"""Activations and their journal, as operators see them."""

from django.contrib import admin

from guestlist.invites.models import Activation, JournalLine
from guestlist.lib.desk import LookOnly
from guestlist.people.desk import ByPerson


@admin.register(Activation)
class ActivationAdmin(ByPerson, LookOnly):
    """Who entered whose code."""

    list_display = ("invitee", "code", "inviter", "activated_at")
    fields = ("invitee", "code", "inviter", "activated_at")
    list_select_related = ("invitee", "inviter")
    search_fields = ("invitee__phone",)  # shows the box
    person_fields = ("invitee_id", "inviter_id")
    ordering = ("-invitee_id",)  # the key; in the order of entering it is the journal


@admin.register(JournalLine)
class JournalAdmin(ByPerson, LookOnly):
    """What happened to activations; lines are only ever added."""

    list_display = ("at", "what", "invitee_id", "inviter_id", "code", "actor", "reason")
    list_filter = ("what",)
    search_fields = ("invitee_id",)  # shows the box
    person_fields = ("invitee_id",)
    ordering = ("-at",)
