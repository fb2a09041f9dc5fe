"""Who may do what on the operators' site: two groups that `migrate` makes, and keeps as they stand here."""

from typing import Any

from django.apps import AppConfig

READ_ONLY, SUPPORT = "read-only", "support"
# Models of our rooms; `view` is meant for both groups. Accounts, groups and messages' words are for superusers.
SEEN = (
    *("people.person", "signin.challenge", "signin.session", "signin.device", "signin.pause"),
    *("delivery.message", "delivery.attempt", "delivery.rest", "delivery.wording"),
    *("invites.activation", "invites.journalline", "limits.auditline"),
)
DONE = (
    "people.change_person",  # correct a name, block, unblock
    "signin.delete_session",  # end sessions
    "signin.change_pause",  # end a pause
    "delivery.change_rest",  # ask a gateway again now
    "invites.delete_activation",  # undo an activation, with a reason
)


def permissions(group: str) -> set[str]:
    """The permissions of a group, as `app_label.codename`."""
    seen = {"{}.view_{}".format(*model.split(".")) for model in SEEN}
    return seen | set(DONE) if group == SUPPORT else seen


def keep(sender: AppConfig, **_told: Any) -> None:
    """Give both groups these permissions and no others. Other groups are the operators' own, and are left alone."""
    from django.contrib.auth.models import Group, Permission

    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for name in (READ_ONLY, SUPPORT):
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(known[permission] for permission in permissions(name) if permission in known)
