"""Everything that the overview of delivery reads, over a span of time that no statement leaves.

The span is cut to the newest READ messages and attempts (`NEWEST_…` find where those begin), so that a million rows
cost no more than that: each statement reads a range of the index on `created_at` or `began_at`, and joins by keys.
Statements are portable: SQLite, PostgreSQL, MariaDB.
"""

NEWEST_MESSAGES = (
    "SELECT COUNT(*), MIN(created_at) FROM (SELECT created_at FROM delivery_message"
    " WHERE created_at > %s AND created_at <= %s ORDER BY created_at DESC LIMIT %s) newest"
)
NEWEST_ATTEMPTS = (
    "SELECT COUNT(*), MIN(began_at) FROM (SELECT began_at FROM delivery_attempt"
    " WHERE began_at > %s AND began_at <= %s ORDER BY began_at DESC LIMIT %s) newest"
)

# A message that arrives counts for the gateway that carried it last.
ARRIVED = "a.state = 'sent' AND m.gateway = a.gateway AND m.state = 'delivered'"
ASKED = (
    "SELECT a.gateway, m.region, a.state, a.currency, COUNT(*), SUM(a.price),"
    f" SUM(CASE WHEN {ARRIVED} AND m.ended_at <= %s THEN 1 ELSE 0 END)"
    " FROM delivery_attempt a JOIN delivery_message m ON m.id = a.message_id"
    " WHERE a.began_at > %s AND a.began_at <= %s GROUP BY a.gateway, m.region, a.state, a.currency"
)
# A code that may still be typed counts when it is.
CONFIRMED = (
    "SELECT m.gateway, m.region, COUNT(*), COUNT(DISTINCT CASE WHEN c.used_at IS NOT NULL THEN c.id END)"
    " FROM delivery_message m JOIN signin_challenge c ON c.id = m.reference"
    " WHERE m.created_at > %s AND m.created_at <= %s AND m.kind = 'code' AND m.state <> 'withheld'"
    " AND m.sent_at IS NOT NULL AND (c.used_at IS NOT NULL OR c.created_at <= %s) GROUP BY m.gateway, m.region"
)
SAMPLE = (
    "SELECT a.gateway, m.region, a.state, a.reason, a.began_at, a.ended_at,"
    f" CASE WHEN {ARRIVED} THEN m.ended_at END"
    " FROM delivery_attempt a JOIN delivery_message m ON m.id = a.message_id"
    " WHERE a.began_at > %s AND a.began_at <= %s ORDER BY a.began_at DESC LIMIT %s"
)
REASONS = (
    "SELECT gateway, reason, COUNT(*) AS times, MAX(began_at) FROM delivery_attempt"
    " WHERE began_at > %s AND began_at <= %s AND state <> 'sent'"
    " GROUP BY gateway, reason ORDER BY times DESC, gateway, reason LIMIT %s"
)
NOBODY_ASKED = (
    "SELECT reason, COUNT(*), MAX(created_at) FROM delivery_message"
    " WHERE created_at > %s AND created_at <= %s AND state = 'failed' AND gateway = '' AND reason <> 'asked again'"
    " GROUP BY reason"
)
FAILED = (
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), 0) FROM delivery_message"
    " WHERE created_at > %s AND created_at <= %s AND state IN ('sent', 'delivered', 'failed')"
    " AND reason <> 'asked again'"
)
