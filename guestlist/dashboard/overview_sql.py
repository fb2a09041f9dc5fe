"""Everything that the overview of the service reads, by an index, and never more than the LIMIT at its end.

A count stops at its limit, so that a busy hour costs no more than that: what is told then is "so many and more".
Statements are portable: SQLite, PostgreSQL, MariaDB.
"""

EVENTS = "SELECT COUNT(*) FROM (SELECT at FROM limits_auditline WHERE event = %s AND at > %s AND at <= %s LIMIT %s) few"
PEOPLE = (
    "SELECT COUNT(*) FROM"
    " (SELECT created_at FROM people_person WHERE created_at > %s AND created_at <= %s LIMIT %s) few"
)
JOURNAL = (
    "SELECT COUNT(*) FROM (SELECT id FROM invites_journalline WHERE at > %s AND at <= %s AND what = %s LIMIT %s) few"
)
REFUSED = "SELECT facts FROM limits_auditline WHERE event = %s AND at > %s AND at <= %s ORDER BY at DESC LIMIT %s"
# Challenges have an index on their end, which is five minutes after their beginning, or sooner.
COUNTRIES = (
    "SELECT region, COUNT(*) AS asked, SUM(CASE WHEN used_at IS NOT NULL THEN 1 ELSE 0 END) FROM"
    " (SELECT region, used_at, expires_at FROM signin_challenge"
    " WHERE expires_at > %s ORDER BY expires_at DESC LIMIT %s) newest"
    " WHERE region <> '' AND (used_at IS NOT NULL OR expires_at <= %s)"
    " GROUP BY region ORDER BY asked DESC, region LIMIT %s"
)
CONFIRMED_IN = (
    "SELECT created_at, used_at FROM (SELECT created_at, used_at FROM signin_challenge"
    " WHERE expires_at > %s ORDER BY expires_at DESC LIMIT %s) newest WHERE used_at IS NOT NULL"
)
INVITERS = "SELECT inviter_id, invitees FROM invites_tally WHERE invitees > %s ORDER BY invitees DESC LIMIT %s"
NAMED = "SELECT id, invite_code, username, phone FROM people_person WHERE id IN ({holes})"
PAUSED = "SELECT scope FROM signin_pause WHERE ends_at > %s AND is_dry = %s ORDER BY ends_at DESC LIMIT %s"
