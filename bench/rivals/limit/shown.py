"""What the two limits share: a token read from the header, and the rows of the statement as the profile's JSON."""

import hashlib
import hmac
import json
import os
from datetime import UTC, datetime
from pathlib import Path

PROFILE = Path(os.environ["PROFILE_SQL"]).read_text()
IS_SQLITE = os.environ["DATABASE_URL"].startswith("sqlite")


def presented(authorization: str) -> tuple[str, str]:
    """The id of the session, and the digest of its secret."""
    id_, _, secret = authorization.removeprefix("Bearer ").partition(".")
    return id_, hashlib.sha256(secret.encode()).hexdigest()


def now() -> datetime | str:
    """The time, as the driver wants it."""
    moment = datetime.now(UTC)
    return str(moment.replace(tzinfo=None)) if IS_SQLITE else moment


def profile(rows: list[tuple], digest: str) -> bytes | None:
    """The same answer as Guestlist's, for these few invitees; None when there is no such session."""
    if not rows or not hmac.compare_digest(rows[0][0], digest):
        return None
    _, _, _, _, id_, phone, username, email, invite_code, entered, invitees = rows[0][:11]
    return json.dumps(
        {
            "id": id_,
            "phone": phone,
            "username": username,
            "email": email,
            "invite_code": invite_code,
            "activate_code": entered is not None,
            "active_user_code": entered,
            "activeusers": [{"phone": row[13]} for row in rows if row[11] is not None],
            "activeusers_count": invitees or 0,
            "activeusers_next": None,
        },
        ensure_ascii=False,
    ).encode()
