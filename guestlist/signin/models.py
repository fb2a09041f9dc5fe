"""Challenges, sessions and devices, and the statements that the hot paths run. Only digests of tokens are stored."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from guestlist.lib.dying import Old
from guestlist.lib.fields import ExactCharField
from guestlist.lib.phone import LONGEST_E164, masked
from guestlist.people.models import Person
from guestlist.signin import rules

DIGEST = 64  # hex digits of SHA-256
SESSION_ID = 22  # 128 bits in base 64
USER_AGENT = 200
ADDRESS = 49  # as lib.addresses.source has it


class Challenge(models.Model):
    """A code was asked for. The code itself is nowhere: rules.code_for derives it from the pepper and this row."""

    id = ExactCharField(_("digest of the token"), max_length=DIGEST, primary_key=True)
    phone = ExactCharField(_("phone"), max_length=LONGEST_E164)
    salt = ExactCharField(max_length=22)
    pepper_id = models.PositiveSmallIntegerField(_("key of the ring"))
    digits = models.PositiveSmallIntegerField(_("digits"))
    attempts = models.PositiveSmallIntegerField(_("tries spent"), default=0)
    created_at = models.DateTimeField(_("asked"))
    expires_at = models.DateTimeField(_("lives until"), db_index=True)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)
    device = ExactCharField(_("known device"), max_length=DIGEST, blank=True, default="", db_default="")
    region = ExactCharField(_("region"), max_length=3, blank=True, default="", db_default="")
    address = models.CharField(_("address"), max_length=ADDRESS, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        indexes = [
            models.Index(fields=["phone", "created_at"], name="challenge_phone"),
            models.Index(fields=["region", "created_at"], name="challenge_region"),
        ]

    def __str__(self) -> str:
        return f"{masked(self.phone)} {self.created_at:%Y-%m-%d %H:%M}"


class Session(models.Model):
    """Somebody is signed in. The token is `id.secret`; the row keeps the secret's digest."""

    id = ExactCharField(max_length=SESSION_ID, primary_key=True)
    secret_digest = ExactCharField(max_length=DIGEST)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, verbose_name=_("person"))
    kind = models.CharField(_("kind"), max_length=6, choices=[("cookie", _("browser")), ("token", _("app"))])
    created_at = models.DateTimeField(_("since"))
    last_seen_at = models.DateTimeField(_("last seen"))
    expires_at = models.DateTimeField(_("ends without use"), db_index=True)
    ends_at = models.DateTimeField(_("ends at the latest"))
    ip = models.CharField(_("address"), max_length=45)
    user_agent = models.CharField(_("client"), max_length=USER_AGENT)
    device = ExactCharField(max_length=DIGEST, blank=True, default="", db_default="")  # digest; empty: an old session

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        # No name and no number: operators' history keeps this line longer than the person may stay.
        return f"{self.person_id} {self.created_at:%Y-%m-%d %H:%M}"


class Device(models.Model):
    """A device that has signed in to this phone before."""

    digest = ExactCharField(max_length=DIGEST)
    phone = ExactCharField(_("phone"), max_length=LONGEST_E164)
    created_at = models.DateTimeField(_("since"))
    seen_at = models.DateTimeField(_("last sign-in"), db_index=True)

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        constraints = [models.UniqueConstraint(fields=["phone", "digest"], name="device_once_a_phone")]
        indexes = [
            models.Index(fields=["created_at"], name="device_created"),
            models.Index(fields=["digest"], name="device_digest"),
        ]

    def __str__(self) -> str:
        return f"{masked(self.phone)} {self.seen_at:%Y-%m-%d}"


class Guard(models.Model):
    """The row that a guess at a phone's code locks, so that guesses at different challenges take turns."""

    phone = ExactCharField(max_length=LONGEST_E164, primary_key=True)
    guessed_at = models.DateTimeField(db_index=True)


class Guess(models.Model):
    """A guess that was judged; one that was right is taken back by the sign-in that it opens."""

    phone = ExactCharField(_("phone"), max_length=LONGEST_E164)
    device = ExactCharField(_("known device"), max_length=DIGEST, blank=True)
    digits = models.PositiveSmallIntegerField(_("digits"))
    address = models.CharField(_("address"), max_length=ADDRESS)
    guessed_at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("wrong guess")
        verbose_name_plural = _("wrong guesses")
        indexes = [
            models.Index(fields=["phone", "guessed_at"], name="guess_phone"),
            models.Index(fields=["device", "digits", "guessed_at"], name="guess_device"),
            models.Index(fields=["address", "guessed_at"], name="guess_address"),
            models.Index(fields=["guessed_at"], name="guess_at"),
        ]

    def __str__(self) -> str:
        return f"{masked(self.phone)} {self.guessed_at:%Y-%m-%d %H:%M}"


class FixedNumber(models.Model):
    """A number of SANDBOX_NUMBERS that a code was asked for: nobody held it when it was listed until this day."""

    phone = ExactCharField(max_length=LONGEST_E164, primary_key=True)
    wrong = models.PositiveSmallIntegerField()
    until = ExactCharField(max_length=10)


class Pause(models.Model):
    """No codes to unknown devices for a while: of a region, an address or a prefix, as `signin.conversion` names them.

    The row outlives its pause: what was asked before the end is not held against anybody again.
    """

    scope = ExactCharField(_("of what"), max_length=64, primary_key=True)
    region = ExactCharField(_("region"), max_length=3)
    seconds = models.PositiveIntegerField(_("seconds"))  # 0: an operator ended it
    ends_at = models.DateTimeField(_("paused until"), db_index=True)
    is_dry = models.BooleanField(_("only watched"), default=False)  # begun in a dry run: it pauses nobody

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        indexes = [models.Index(fields=["region", "ends_at"], name="pause_region")]

    def __str__(self) -> str:
        return str(self.scope)


OLD = (
    Old("challenges", "signin_challenge", "expires_at", timedelta(days=1)),
    Old("sessions", "signin_session", "expires_at", timedelta(0)),  # never later than ends_at
    Old("devices", "signin_device", "seen_at", rules.DEVICE_LIFETIME),
    Old("wrong guesses", "signin_guess", "guessed_at", rules.MEMORY),
    Old("guarded numbers", "signin_guard", "guessed_at", rules.MEMORY, key="phone"),
    Old("pauses", "signin_pause", "ends_at", timedelta(days=1), key="scope"),
)

FACTS = "id, phone, salt, pepper_id, digits, attempts, created_at, expires_at, used_at, device"
CHALLENGES = f"SELECT {FACTS} FROM signin_challenge WHERE id IN ({{holes}})"
NEWEST_LIVING = (
    "SELECT id FROM signin_challenge WHERE phone = %s AND created_at > %s AND used_at IS NULL"
    " AND attempts < %s AND expires_at > %s ORDER BY created_at DESC, id LIMIT 1"
)
SPEND_A_TRY = (
    "UPDATE signin_challenge SET attempts = attempts + 1"
    " WHERE id = %s AND phone = %s AND attempts < %s AND used_at IS NULL AND expires_at > %s"
)
CONSUME = "UPDATE signin_challenge SET used_at = %s WHERE id = %s AND used_at IS NULL"
SUPERSEDE = "UPDATE signin_challenge SET expires_at = %s WHERE id = %s AND phone = %s AND expires_at > %s"

SESSION = (
    "SELECT s.secret_digest, s.person_id, s.kind, s.last_seen_at, s.ends_at FROM signin_session s"
    " JOIN people_person p ON p.id = s.person_id"
    " WHERE s.id = %s AND s.expires_at > %s AND p.blocked_at IS NULL"
)
PHONE_OF = "SELECT phone FROM people_person WHERE id = %s"
SEEN = "UPDATE signin_session SET last_seen_at = %s, expires_at = %s WHERE id = %s"
SESSIONS_OF = (
    "SELECT id, created_at, last_seen_at, ip, user_agent FROM signin_session"
    " WHERE person_id = %s AND expires_at > %s ORDER BY created_at DESC, id"
)
OPENED_ON = (
    "SELECT p.phone, s.device FROM signin_session s JOIN people_person p ON p.id = s.person_id"
    " WHERE s.id = %s AND s.person_id = %s"
)
END = "DELETE FROM signin_session WHERE id = %s AND person_id = %s"
END_PRESENTED = "DELETE FROM signin_session WHERE id = %s AND secret_digest = %s"
END_OTHERS = "DELETE FROM signin_session WHERE person_id = %s AND id <> %s"

END_ALL = "DELETE FROM signin_session WHERE person_id = %s"
OPENED_AT = "SELECT created_at FROM signin_session WHERE id = %s AND person_id = %s AND expires_at > %s"
DELETE_CHALLENGES = "DELETE FROM signin_challenge WHERE phone = %s"
HELD_SESSIONS = (
    "SELECT created_at, last_seen_at, expires_at, ip, user_agent FROM signin_session WHERE person_id = %s"
    " ORDER BY created_at, id"
)
HELD_DEVICES = "SELECT created_at, seen_at FROM signin_device WHERE phone = %s ORDER BY id"
HELD_CHALLENGES = (
    "SELECT created_at, expires_at, used_at, digits FROM signin_challenge WHERE phone = %s ORDER BY created_at, id"
)
HELD_GUESSES = "SELECT guessed_at, digits FROM signin_guess WHERE phone = %s ORDER BY guessed_at, id"

# All that decides how long a code is and whether a guess may be judged: of the phone, of the address, of the service.
GUESSES = (
    "SELECT 'phone', device, digits, COUNT(*), 0 FROM signin_guess WHERE phone = %s AND guessed_at > %s"
    " GROUP BY device, digits"
    " UNION ALL SELECT 'short', '', 0, COUNT(*), COALESCE(SUM(CASE WHEN guessed_at > %s THEN 1 ELSE 0 END), 0)"
    " FROM signin_guess WHERE device = '' AND digits IN (4, 5) AND guessed_at > %s"
    " UNION ALL SELECT 'address', '', 0, COUNT(*), COALESCE(SUM(CASE WHEN guessed_at > %s THEN 1 ELSE 0 END), 0)"
    " FROM signin_guess WHERE address = %s AND guessed_at > %s AND device = ''"
)
SHORT_GUESSES = (
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN guessed_at > %s THEN 1 ELSE 0 END), 0) FROM signin_guess"
    " WHERE device = '' AND digits IN (4, 5) AND guessed_at > %s"
)
TAKE_BACK = "DELETE FROM signin_guess WHERE id = %s"
DEVICES_SINCE = "SELECT COUNT(*) FROM signin_device WHERE created_at > %s AND created_at <= %s"

FIXED = "SELECT wrong, until FROM signin_fixednumber WHERE phone = %s"
FIXED_ANEW = "UPDATE signin_fixednumber SET wrong = 0, until = %s WHERE phone = %s AND until < %s"
FIXED_OFF = "UPDATE signin_fixednumber SET wrong = %s WHERE phone = %s"
FIXED_GUESS = "UPDATE signin_fixednumber SET wrong = wrong + 1 WHERE phone = %s AND wrong < %s"
FIXED_TAKE_BACK = "UPDATE signin_fixednumber SET wrong = wrong - 1 WHERE phone = %s AND wrong > 0"

KNOWN_DEVICE = "SELECT id FROM signin_device WHERE phone = %s AND digest = %s AND seen_at > %s"
DEVICE_OF_ANYBODY = "SELECT id FROM signin_device WHERE digest = %s AND seen_at > %s LIMIT 1"
DEVICE_SEEN = "UPDATE signin_device SET seen_at = %s WHERE phone = %s AND digest = %s AND seen_at > %s"
DEVICES_OF = "SELECT id FROM signin_device WHERE phone = %s ORDER BY seen_at DESC, id DESC"
IDLE_DEVICES = (
    "SELECT d.id, d.seen_at FROM signin_device d"
    " LEFT JOIN signin_session s ON s.person_id = %s AND s.device = d.digest AND s.expires_at > %s"
    " WHERE d.phone = %s AND d.seen_at > %s AND s.id IS NULL ORDER BY d.seen_at DESC, d.id DESC"
)
FORGET_MINE = "DELETE FROM signin_device WHERE id = %s AND phone = %s"
FORGET_DEVICE = "DELETE FROM signin_device WHERE id = %s"
FORGET = "DELETE FROM signin_device WHERE phone = %s AND digest = %s"
FORGET_OTHERS = "DELETE FROM signin_device WHERE phone = %s AND digest <> %s"
FORGET_ALL = "DELETE FROM signin_device WHERE phone = %s"

CODES_TO = (
    "SELECT phone, address, created_at, used_at FROM signin_challenge"
    " WHERE region = %s AND created_at > %s AND device = '' AND (used_at IS NOT NULL OR created_at <= %s)"
    " ORDER BY created_at DESC LIMIT %s"
)
NOT_SENT = "UPDATE signin_challenge SET region = '' WHERE id = %s"
PAUSES_AT = "SELECT scope, ends_at, seconds FROM signin_pause WHERE scope IN (%s, %s, %s) AND is_dry = %s"
PAUSES_IN = "SELECT scope, ends_at, seconds FROM signin_pause WHERE region = %s AND ends_at > %s AND is_dry = %s"
PAUSE_AGAIN = (
    "UPDATE signin_pause SET ends_at = %s, seconds = %s, is_dry = %s"
    " WHERE scope = %s AND (ends_at <= %s OR is_dry <> %s)"
)
END_PAUSE = "UPDATE signin_pause SET ends_at = %s, seconds = 0 WHERE scope = %s AND ends_at > %s"

DELETE_ALL = {
    "sessions": "DELETE FROM signin_session",
    "devices": "DELETE FROM signin_device",
    "challenges": "DELETE FROM signin_challenge",
    "wrong guesses": "DELETE FROM signin_guess",
    "guards": "DELETE FROM signin_guard",
    "pauses": "DELETE FROM signin_pause",
    "fixed numbers": "DELETE FROM signin_fixednumber",
}
