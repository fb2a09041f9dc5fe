"""All settings, from the environment and from nothing else; docs/settings.md says what each one does."""

import contextlib
import os
import re
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import dj_database_url
import phonenumbers
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from guestlist.delivery.rules import CHANNELS, routes
from guestlist.lib import env as reader
from guestlist.lib import keyfiles, keys, redis_server

env = reader.Environment(os.environ)
BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"

# ---- where it answers ------------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", False)
HOST = {"localhost": "127.0.0.1"}.get(found_host := env.text("HOST", "127.0.0.1"), found_host).strip("[]")
PORT = env.number("PORT", 8000, 1, 65535)
PUBLIC_URL = env.origin("PUBLIC_URL", f"http://127.0.0.1:{PORT}")
HTTPS = PUBLIC_URL.startswith("https://")
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
NAMES = [*env.words("ALLOWED_HOSTS"), str(urlsplit(PUBLIC_URL).hostname)]
ALLOWED_HOSTS = [*NAMES, *LOOPBACK]
IS_OPEN = any(name.strip("[]") not in ("127.0.0.1", "localhost", "::1") for name in [HOST, *NAMES])

# ---- live, or the sandbox --------------------------------------------------------------------------------------------
SANDBOX_GATEWAYS = ("simulated", "console")
LIVE_GATEWAYS = ("twilio", "vonage", "sns", "smsru", "smsc", "smsaero", "exolve", "telegram", "http", "apprise")
SMS_GATEWAYS = env.words("SMS_GATEWAYS", "simulated")
if not SMS_GATEWAYS:
    raise ImproperlyConfigured("SMS_GATEWAYS names no gateway.")
IS_SANDBOX = all(name in SANDBOX_GATEWAYS for name in SMS_GATEWAYS)
for name in SMS_GATEWAYS:
    if name not in SANDBOX_GATEWAYS + LIVE_GATEWAYS:
        known = ", ".join(SANDBOX_GATEWAYS + LIVE_GATEWAYS)
        raise ImproperlyConfigured(f"SMS_GATEWAYS names {name!r}; there are: {known}.")
    if not IS_SANDBOX and name in SANDBOX_GATEWAYS:
        raise ImproperlyConfigured(f"SMS_GATEWAYS mixes {name}, which shows every code, with live gateways.")
SANDBOX = env.flag("SANDBOX", False)
if IS_SANDBOX and IS_OPEN and not SANDBOX:
    raise ImproperlyConfigured(
        "HOST, PUBLIC_URL or ALLOWED_HOSTS name more than this machine, and the sandbox signs anybody in as anybody:"
        " set SANDBOX=yes if that is wanted, or name live gateways in SMS_GATEWAYS."
    )
if SANDBOX and not IS_SANDBOX:
    raise ImproperlyConfigured("SANDBOX=yes and the live gateways of SMS_GATEWAYS contradict each other; keep one.")
if DEBUG and (IS_OPEN or not IS_SANDBOX):
    raise ImproperlyConfigured("DEBUG=yes shows the inside, codes and keys too: only for a sandbox on this machine.")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CORS_ORIGINS = [origin for origin in env.origins("CORS_ORIGINS") if origin != PUBLIC_URL]  # which is not elsewhere
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, 0, 10)
WEB_CONCURRENCY = env.number("WEB_CONCURRENCY", 1, 1, 256)
WEB_THREADS = env.number("WEB_THREADS", 256, 1, 1024)

# ---- the database ----------------------------------------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL", f"sqlite:///{VAR / 'guestlist.sqlite3'}")
DB_POOL = env.number("DB_POOL", 8, 1, 256)
DB_PREPARED = env.flag("DB_PREPARED", True)
ENGINES = {"sqlite": "sqlite3", "postgresql": "postgresql", "mysql": "mysql"}
PREPARED = {"server_side_binding": True, "prepare_threshold": 1}  # from the second time on, in each connection
OPTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,  # seconds that a writer waits for another one
        # FULL: a commit is on the disk before the answer goes out, also when the power fails
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;",
    },
    "postgresql": {"connect_timeout": 5, **(PREPARED if DB_PREPARED else {})},
    "mysql": {"isolation_level": "read committed", "charset": "utf8mb4", "connect_timeout": 5},
}


def _database() -> dict[str, Any]:
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(DATABASE_URL))
        kind = next(kind for kind in ENGINES if kind in str(found["ENGINE"]))
    except (ValueError, KeyError, StopIteration) as error:
        raise ImproperlyConfigured("DATABASE_URL must be like sqlite:///FILE, postgres://… or mysql://….") from error
    if kind == "sqlite" and found["NAME"] in ("", ":memory:"):
        raise ImproperlyConfigured("DATABASE_URL must name a file: what is only in memory ends with each connection.")
    if kind == "sqlite":
        try:
            Path(found["NAME"]).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(f"DATABASE_URL: {error}.") from error
        found["TEST"] = {"NAME": str(VAR / f"test-{os.getpid()}.sqlite3")}  # two runs at once do not meet
    return {
        **found,
        "ENGINE": f"guestlist.lib.databases.{ENGINES[kind]}",
        "OPTIONS": {**OPTIONS[kind], **found.get("OPTIONS", {})},
        "CONN_MAX_AGE": 0,  # "closing" gives the connection back to the pool
        "POOL": {"size": DB_POOL, "patience": 5.0, "oldest": 240.0},  # under PythonAnywhere's 300 s for idle ones
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USING_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")

PURGE_EVERY = env.number("PURGE_EVERY", 600, 0, 86_400)

# ---- secrets: given, or made once and kept ---------------------------------------------------------------------------
SECRET_NAMES = ["SECRET_KEY", "CODE_PEPPER", "LEDGER_KEY", "JWT_KEY"]
RINGS = ("CODE_PEPPER", "JWT_KEY")  # the secrets that `manage.py rotatekeys` changes
NEVER_MADE = ["METRICS_TOKEN"]  # whoever shall know it must be told: absent, there is none
SECRETS_FOLDER = Path(f"{DATABASES['default']['NAME']}.keys") if USING_SQLITE else VAR / "keys"
JWT_AUDIENCES = env.words("JWT_AUDIENCES")


def _secrets() -> dict[str, str]:
    given = {name: secret for name in [*SECRET_NAMES, *NEVER_MADE] if (secret := env.secret(name))}
    missing = [name for name in SECRET_NAMES if name not in given]
    if not IS_SANDBOX and not USING_SQLITE:
        # One machine of several would make other keys than its neighbours, and a new disk would lose them all.
        needed = [name for name in missing if name != "JWT_KEY" or JWT_AUDIENCES]
        if needed:
            raise ImproperlyConfigured(f"{', '.join(needed)} must be given: the service is live (SMS_GATEWAYS).")
        missing = []
    found = {**(keyfiles.kept(SECRETS_FOLDER, missing) if missing else {}), **given}
    _check(found)
    return found


def _check(found: dict[str, str]) -> None:
    seen: dict[str, str] = {}
    for name, secret in found.items():
        for key in _keys_of(name, secret):
            if fault := keys.fault(key):
                raise ImproperlyConfigured(f"{name} {fault}.")
            if other := seen.get(key):
                raise ImproperlyConfigured(f"{name} has the same key as {other}; each needs a value of its own.")
            seen[key] = name


def _keys_of(name: str, secret: str) -> list[str]:
    try:
        return list(keys.ring_entries(secret).values()) if name in RINGS else [secret]
    except ValueError as wrong:
        raise ImproperlyConfigured(f"{name}: {wrong}.") from wrong


_made = _secrets()
RING_SECRETS = {name: _made[name] for name in RINGS if name in _made}  # as written; Django's pages hide such a name
GIVEN_SECRETS = [name for name in RING_SECRETS if env.secret(name)]
SECRET_KEY = _made["SECRET_KEY"]
CODE_PEPPERS = keys.ring(_made["CODE_PEPPER"], "one-time codes")
JWT_KEYS = keys.ring(_made["JWT_KEY"], "tokens for other services") if "JWT_KEY" in _made else {}
METRICS_TOKEN = _made.get("METRICS_TOKEN", "")
LIMITS_SUBKEY = keys.subkey(SECRET_KEY.encode(), "limits")
REPORTS_SUBKEY = keys.subkey(SECRET_KEY.encode(), "delivery reports")
LEDGER_SUBKEY = keys.subkey(_made["LEDGER_KEY"].encode(), "activation ledger")

# ---- signing in, delivery, invites -----------------------------------------------------------------------------------
CODE_DIGITS = env.number("CODE_DIGITS", 4, 4, 8)
SMS_DAILY_BUDGET = env.number("SMS_DAILY_BUDGET", 10_000, 1, 10**9)
LIMIT_OVERRIDES = {name: env.text(name, "") for name in os.environ if name.startswith("LIMIT_")}
REDIS_URL = env.secret("REDIS_URL") or ""
if REDIS_URL and not redis_server.can_read(REDIS_URL):
    raise ImproperlyConfigured("REDIS_URL must be like redis://name:password@host:6379/0, rediss://… or unix://….")
SECURITY_PROFILE = env.text("SECURITY_PROFILE", "default", ("default", "strict"))
LIMITS = env.text("LIMITS", "relaxed" if IS_SANDBOX else "on", ("on", "relaxed"))
if LIMITS != "on" and not IS_SANDBOX:
    raise ImproperlyConfigured("LIMITS cannot be relaxed with live gateways (SMS_GATEWAYS): messages cost money.")
PHONE_REGION = env.text("PHONE_REGION", "RU").upper()
if PHONE_REGION not in phonenumbers.SUPPORTED_REGIONS:
    raise ImproperlyConfigured(f"PHONE_REGION is {PHONE_REGION!r}; it must be an ISO 3166 region, such as RU or KZ.")
try:
    SMS_ROUTES = routes(env.words("SMS_ROUTES", separator=";"), SMS_GATEWAYS, phonenumbers.SUPPORTED_REGIONS)
except ValueError as error:
    raise ImproperlyConfigured(f"SMS_ROUTES: {error}.") from error
DELIVERY = env.text("DELIVERY", "inline", ("inline", "worker"))
DELIVERY_IN_FLIGHT = env.number("DELIVERY_IN_FLIGHT", 1000, 1, 20_000)
ANDROID_APP_HASH = env.text("ANDROID_APP_HASH", "")
if ANDROID_APP_HASH and not re.fullmatch(r"[A-Za-z0-9+/]{11}", ANDROID_APP_HASH):
    raise ImproperlyConfigured("ANDROID_APP_HASH must be the 11 characters that Android's SMS Retriever computes.")
TWILIO_ACCOUNT_SID, TWILIO_FROM = env.text("TWILIO_ACCOUNT_SID", ""), env.text("TWILIO_FROM", "")
TWILIO_AUTH_TOKEN = env.secret("TWILIO_AUTH_TOKEN") or ""
VONAGE_API_KEY, VONAGE_FROM = env.text("VONAGE_API_KEY", ""), env.text("VONAGE_FROM", "")
VONAGE_API_SECRET = env.secret("VONAGE_API_SECRET") or ""
AWS_REGION, AWS_ACCESS_KEY_ID = env.text("AWS_REGION", ""), env.text("AWS_ACCESS_KEY_ID", "")
AWS_SECRET_ACCESS_KEY = env.secret("AWS_SECRET_ACCESS_KEY") or ""
AWS_SESSION_TOKEN = env.secret("AWS_SESSION_TOKEN") or ""
SNS_SENDER_ID = env.text("SNS_SENDER_ID", "")
SMSRU_API_ID, SMSRU_FROM = env.secret("SMSRU_API_ID") or "", env.text("SMSRU_FROM", "")
SMSC_API_KEY, SMSC_FROM = env.secret("SMSC_API_KEY") or "", env.text("SMSC_FROM", "")
SMSAERO_EMAIL, SMSAERO_FROM = env.text("SMSAERO_EMAIL", ""), env.text("SMSAERO_FROM", "")
SMSAERO_API_KEY = env.secret("SMSAERO_API_KEY") or ""
EXOLVE_API_KEY, EXOLVE_FROM = env.secret("EXOLVE_API_KEY") or "", env.text("EXOLVE_FROM", "")
TELEGRAM_GATEWAY_TOKEN = env.secret("TELEGRAM_GATEWAY_TOKEN") or ""
TELEGRAM_GATEWAY_SENDER = env.text("TELEGRAM_GATEWAY_SENDER", "")
APPRISE_URL = env.secret("APPRISE_URL") or ""
SMS_HTTP_METHOD = env.text("SMS_HTTP_METHOD", "POST", ("POST", "GET", "PUT"))
SMS_HTTP_URL = env.secret("SMS_HTTP_URL") or ""  # providers have keys in it
SMS_HTTP_HEADERS = env.secret("SMS_HTTP_HEADERS") or ""
SMS_HTTP_BODY = env.secret("SMS_HTTP_BODY") or ""
PHONE_REGIONS = [region.upper() for region in env.words("PHONE_REGIONS")] or [PHONE_REGION]
for region in PHONE_REGIONS:
    if region != "*" and region not in phonenumbers.SUPPORTED_REGIONS:
        raise ImproperlyConfigured(f"PHONE_REGIONS names {region!r}; it must be ISO 3166 regions, such as RU,KZ, or *.")
CAN_RUN_DRY = ("PHONE_REGIONS", "PHONE_TYPES", "CODES_PER_PREFIX", "CODES_IN_ALL", "CONVERSION")
DRY_RUN = env.words("DRY_RUN")
for name in DRY_RUN:
    if name not in CAN_RUN_DRY:
        raise ImproperlyConfigured(f"DRY_RUN names {name!r}; there are: {', '.join(CAN_RUN_DRY)}.")
PHONE_VISIBILITY_DEFAULT = env.text("PHONE_VISIBILITY_DEFAULT", "full", ("full", "masked", "hidden"))


class FixedNumber(NamedTuple):
    """A number whose code is always this one, until the end of this day (UTC)."""

    code: str
    until: date


FIXED_DAYS = 90


def _fixed_numbers() -> dict[str, FixedNumber]:
    found, last_day = {}, datetime.now(UTC).date() + timedelta(days=FIXED_DAYS)
    for entry in (env.secret("SANDBOX_NUMBERS") or "").replace(",", " ").split():
        try:
            phone, code, day = entry.split(":")
            until = date.fromisoformat(day)
            is_number = phone.startswith("+") and phonenumbers.is_valid_number(phonenumbers.parse(phone))
        except (ValueError, phonenumbers.NumberParseException):
            is_number = False
        if not is_number or not re.fullmatch(r"[0-9]{8}", code) or phone in found:
            raise ImproperlyConfigured(
                "SANDBOX_NUMBERS must be like +79001112233:12345678:2026-12-31: a number that there can be, each once,"
                " a code of 8 digits, and the day until which it works."
            )
        if until > last_day:
            raise ImproperlyConfigured(f"SANDBOX_NUMBERS: {day} is more than {FIXED_DAYS} days away.")
        found[phone] = FixedNumber(code, until)
    return found


SANDBOX_NUMBERS = _fixed_numbers()
SANDBOX_DELAY = env.seconds("SANDBOX_DELAY", "1-2")
SANDBOX_SEED = env.text("SANDBOX_SEED", "")
SANDBOX_CHANNELS = env.words("SANDBOX_CHANNELS", CHANNELS[0])
for name in SANDBOX_CHANNELS:
    if name not in CHANNELS:
        raise ImproperlyConfigured(f"SANDBOX_CHANNELS names {name!r}; there are: {', '.join(CHANNELS)}.")
INLINE_WAITING = env.number("INLINE_WAITING", max(1, WEB_THREADS - WEB_THREADS // 8), 1, WEB_THREADS)
PEOPLE_MAX = env.number("PEOPLE_MAX", 1000, 1, 10**9 - 1)
INVITE_LOOPS = env.text("INVITE_LOOPS", "allow", ("allow", "refuse"))
LEDGER_MONTHS = env.number("LEDGER_MONTHS", 24, 1, 1200)

# ---- Django ----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "guestlist.web",
    "guestlist.dashboard",
    "guestlist.invites",
    "guestlist.signin",
    "guestlist.people",
    "guestlist.delivery",
    "guestlist.lib",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "guestlist.api.door.Door",  # request id, headers, and a problem for whatever goes wrong further in
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",  # operators only; lazy, so people cost nothing
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",  # lazy too
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "guestlist.urls"
WSGI_APPLICATION = "guestlist.wsgi.application"
APPEND_SLASH = False  # both spellings of an address are served; a POST is never redirected
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
with contextlib.suppress(OSError):  # on a read-only disk collectstatic has been run before
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False  # our own pages use them, and nobody else
WHITENOISE_AUTOREFRESH = DEBUG

LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "guestlist" / "locale"]
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC")
try:
    zoneinfo.ZoneInfo(TIME_ZONE)  # to list all that there are takes longer than the rest of these settings
except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
    raise ImproperlyConfigured(f"TIME_ZONE is {TIME_ZONE!r}; it must be like UTC or Europe/Moscow.") from error

PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
OPERATOR_NAME = env.text("OPERATOR_NAME", "")
OPERATOR_PASSWORD = env.secret("OPERATOR_PASSWORD")
OPERATOR_TOTP = env.flag("OPERATOR_TOTP", False)
OTP_TOTP_ISSUER = f"Guestlist {urlsplit(PUBLIC_URL).hostname}"
OTP_TOTP_THROTTLE_FACTOR = OTP_STATIC_THROTTLE_FACTOR = 0  # our own limits are before them
OTP_ADMIN_HIDE_SENSITIVE_DATA = True

SESSION_COOKIE_NAME = "__Host-guestlist_operator" if HTTPS else "guestlist_operator"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SECURE, LANGUAGE_COOKIE_HTTPONLY = HTTPS, True
CSRF_FAILURE_VIEW = "guestlist.api.errors.csrf_failed"
if HTTPS and TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOG_LEVEL = env.text("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.text("LOG_FORMAT", "line", ("line", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"faults": {"()": "guestlist.lib.logs.OnlyFaults"}},
    "formatters": {"line": {"()": "guestlist.lib.logs.OneLine"}, "json": {"()": "guestlist.lib.logs.OneObject"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.request": {"filters": ["faults"]},  # a 4xx or a 503 is an answer; a traceback is an event
        "django.db.backends": {"level": "INFO"},  # never statements: their parameters are people's numbers
        "urllib3": {"level": "ERROR"},  # nor addresses: providers want the text in them
        "django.template": {"level": "INFO"},  # nor contexts: the sandbox's pages show codes
    },
}
LOGGING_CONFIG = "logging.config.dictConfig"
