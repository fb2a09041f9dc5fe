"""What a person's timeline is made of: of each kind the newest rows until a time, by an index of the person or number.

Where an index has no time, rows are read in the order of their numbers, which is that of time but for milliseconds.
Statements are portable: SQLite, PostgreSQL, MariaDB.
"""

CHALLENGES = (
    "SELECT created_at, id, digits, attempts, used_at, expires_at, region, address FROM signin_challenge"
    " WHERE phone = %s AND created_at <= %s ORDER BY created_at DESC, id DESC LIMIT %s"
)
MESSAGES = (
    "SELECT created_at, id, kind, channel, gateway, state, reason FROM delivery_message"
    " WHERE phone = %s AND created_at <= %s ORDER BY id DESC LIMIT %s"
)
SESSIONS = (
    "SELECT created_at, id, kind, last_seen_at, expires_at, ip, user_agent FROM signin_session"
    " WHERE person_id = %s AND created_at <= %s ORDER BY created_at DESC, id DESC LIMIT %s"
)
JOURNAL = (
    "SELECT at, id, what, code, inviter_id, actor, reason FROM invites_journalline"
    " WHERE invitee_id = %s AND at <= %s ORDER BY id DESC LIMIT %s"
)
INVITEES = (
    "SELECT activated_at, invitee_id, code FROM invites_activation"
    " WHERE inviter_id = %s AND activated_at <= %s ORDER BY activated_at DESC, invitee_id DESC LIMIT %s"
)
AUDIT = (
    "SELECT at, id, event, ip, facts FROM limits_auditline WHERE person_id = %s AND at <= %s ORDER BY id DESC LIMIT %s"
)
