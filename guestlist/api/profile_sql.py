"""The profile, session included, in one read-only statement over three rooms: people, signin, invites.

The inner query names the session again instead of the joined person, because MariaDB lets no derived table look
outside; so all three databases stop after 101 invitees in the order of an index, however many there are.
"""

from typing import Any, NamedTuple

from guestlist.invites import actions as invites
from guestlist.lib import clock, keys, sql
from guestlist.signin import sessions

PROFILE = """
SELECT s.secret_digest, s.kind, s.last_seen_at, s.ends_at,
       p.id, p.phone, p.username, p.email, p.invite_code, mine.code, t.invitees,
       g.invitee_id, g.activated_at, g.phone, g.phone_visibility
  FROM signin_session s
  JOIN people_person p ON p.id = s.person_id
  LEFT JOIN invites_activation mine ON mine.invitee_id = p.id
  LEFT JOIN invites_tally t ON t.inviter_id = p.id
  LEFT JOIN (SELECT a.inviter_id, a.invitee_id, a.activated_at, i.phone, i.phone_visibility
               FROM invites_activation a
               JOIN people_person i ON i.id = a.invitee_id
              WHERE a.inviter_id = (SELECT person_id FROM signin_session WHERE id = %s)
              ORDER BY a.activated_at, a.invitee_id
              LIMIT 101) g ON g.inviter_id = p.id
 WHERE s.id = %s AND s.expires_at > %s AND p.blocked_at IS NULL
 ORDER BY g.activated_at, g.invitee_id
"""
NEXT_PAGE = "/user/user-profile/activeusers/?cursor={}"


class Head(NamedTuple):
    """The columns that each row repeats."""

    secret_digest: str
    kind: str
    last_seen_at: Any
    ends_at: Any
    id: int
    phone: str
    username: str
    email: str
    invite_code: str
    entered: str | None
    invitees: int | None


def profile(shown: sessions.Presented) -> dict[str, Any] | None:
    """The profile of whoever this session belongs to, as the API shows it; None when it is no session."""
    found = sql.rows(PROFILE, shown.id, shown.id, clock.now())
    if not found:
        return None
    head = Head(*found[0][:11])
    if not keys.same(head.secret_digest, shown.secret_digest):
        return None
    sessions.seen(shown.id, head.kind, sql.moment(head.last_seen_at), sql.moment(head.ends_at))
    first = invites.page([row[11:] for row in found if row[11] is not None], invites.PAGE)
    return {
        "id": head.id,
        "phone": head.phone,
        "username": head.username,
        "email": head.email,
        "invite_code": head.invite_code,
        "activate_code": head.entered is not None,
        "active_user_code": head.entered,
        "activeusers": [{"phone": invitee.phone} for invitee in first.invitees],
        "activeusers_count": head.invitees or 0,
        "activeusers_next": NEXT_PAGE.format(first.next) if first.next else None,
    }
