"""All settings. Values come from the environment or `.env`; .env.example describes them."""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from core.money import parse_yuan
from ihome_site import environment
from ihome_site.environment import flag, items, text
from payments.alipay import PRODUCTION_GATEWAY

BASE_DIR = Path(__file__).resolve().parent.parent

if (BASE_DIR / ".env").is_file():
    environ.Env.read_env(BASE_DIR / ".env")

# --- Site -----------------------------------------------------------------------------------------

DEBUG = flag("DEBUG")
SECRET_KEY = environment.secret_key(debug=DEBUG)

SITE_URL = text("SITE_URL", "http://127.0.0.1:8000" if DEBUG else "").rstrip("/")
_site = urlsplit(SITE_URL)
if _site.scheme not in ("http", "https") or not _site.hostname or _site.path:
    raise ImproperlyConfigured("Set SITE_URL to the address of the site, such as https://ihome.example.")
# A proxy in front that sets X-Forwarded-Proto and X-Forwarded-For: core/client_address.py reads the latter.
TRUST_PROXY = flag("TRUST_PROXY")
if DEBUG and environment.is_public(_site, behind_proxy=TRUST_PROXY):
    raise ImproperlyConfigured(
        "DEBUG=1 shows code and settings to every visitor. Leave DEBUG out on a site with https, and on one "
        "behind a proxy (TRUST_PROXY=1) that has another address than localhost."
    )

ALLOWED_HOSTS = items("ALLOWED_HOSTS", ["*"] if DEBUG else [_site.hostname])
CSRF_TRUSTED_ORIGINS = items("CSRF_TRUSTED_ORIGINS", [SITE_URL])

# A rehearsal uses another gateway than Alipay's production one, so that no real money moves.
REHEARSAL = flag("REHEARSAL")

# --- Alipay ---------------------------------------------------------------------------------------
# payments/checks.py checks them at startup.

ALIPAY_APP_ID = text("ALIPAY_APP_ID")
ALIPAY_SELLER_ID = text("ALIPAY_SELLER_ID")
ALIPAY_GATEWAY_URL = text("ALIPAY_GATEWAY_URL", PRODUCTION_GATEWAY)
ALIPAY_APP_PRIVATE_KEY_PATH = text("ALIPAY_APP_PRIVATE_KEY_PATH")
ALIPAY_PUBLIC_KEY_PATH = text("ALIPAY_PUBLIC_KEY_PATH")

# --- Refunds --------------------------------------------------------------------------------------

_limit = text("STAFF_REFUND_LIMIT", "1000.00").strip()
try:
    STAFF_REFUND_LIMIT_FEN = parse_yuan(_limit)
except ValueError:
    raise ImproperlyConfigured(
        f"STAFF_REFUND_LIMIT={_limit} is no amount in yuan with two decimals, such as 1000.00."
    ) from None

# --- Django ---------------------------------------------------------------------------------------
# No WSGI_APPLICATION: runserver then bypasses wsgi.py and works without Alipay's keys.

INSTALLED_APPS = [
    "desk.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "core",
    "documents",
    "accounts",
    "houses",
    "orders",
    "payments",
    "bills",
    "jobs",
    "desk",
]
if DEBUG or REHEARSAL:  # never in production: known passwords, a fake Alipay
    INSTALLED_APPS += ["demo", "standin"]

MIDDLEWARE = [
    "ihome_site.middleware.RequestIdMiddleware",
    # Before the others, so that static files, redirects to https and refused requests carry these headers.
    "ihome_site.middleware.HeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Pages, too: twenty long reviews are 80 KB. BREACH is mitigated: Django masks the CSRF token in each
    # response and pads the gzip header to a random length.
    "django.middleware.gzip.GZipMiddleware",
    "ihome_site.revalidation.RevalidationMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "ihome_site.middleware.LanguageCookieMiddleware",
    "accounts.busy.DoorMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.devices.DeviceMiddleware",
    "accounts.browser_sessions.BrowserSessionMiddleware",
    "ihome_site.middleware.DatabaseDownMiddleware",
]

ROOT_URLCONF = "ihome_site.urls"
CSRF_FAILURE_VIEW = "ihome_site.views.csrf_failure"

_CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
    "ihome_site.context_processors.site",
]
TEMPLATES = [
    {  # the renters' pages and mails
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "environment": "ihome_site.jinja.environment",
            # Without the first: Django's backend for Jinja2 adds the request itself.
            "context_processors": [*_CONTEXT_PROCESSORS[1:], "ihome_site.context_processors.one_token"],
        },
    },
    {  # the admin
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates" / "staff"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": _CONTEXT_PROCESSORS,
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    },
]
FORM_RENDERER = "ihome_site.jinja.FormRenderer"

# --- Database -------------------------------------------------------------------------------------

ATOMIC_REQUESTS = False
DATABASES = {"default": environment.database(f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
_database = DATABASES["default"]
_options = _database.setdefault("OPTIONS", {})
if _database["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE: a transaction waits for the write lock at BEGIN instead of failing later with "database is
    # locked". FULL: an acknowledged COMMIT survives a power cut.
    _options.update(
        timeout=20,
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    )
elif _database["ENGINE"].endswith("mysql"):
    _database["ENGINE"] = "ihome_site.mariadb"
    _options.update(
        charset="utf8mb4",
        isolation_level="read committed",
        connect_timeout=5,
        # A server that hangs holds a thread no longer than this. A migration may take its time.
        **({} if environment.runs_for_long() else {"read_timeout": 30, "write_timeout": 30}),
        init_command="SET sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE', innodb_lock_wait_timeout=5",
    )
    # If the server has no time zone tables, __date lookups only work without a conversion.
    _database["TIME_ZONE"] = "Asia/Shanghai"
    _database["CONN_MAX_AGE"] = 300
    _database["CONN_HEALTH_CHECKS"] = True

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Sessions and cache ---------------------------------------------------------------------------

SESSION_ENGINE = "accounts.session_store"
REDIS_URL = environment.redis()
if REDIS_URL:
    _seconds = {"socket_connect_timeout": 1, "socket_timeout": 1}
    CACHES = {
        "default": {"BACKEND": "ihome_site.cache.Cache", "LOCATION": REDIS_URL, "OPTIONS": _seconds},
    }
    SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

# --- Users ----------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "core.passwords.NumberValidator"},
    {"NAME": "core.passwords.SiteWordsValidator", "OPTIONS": {"host": _site.hostname}},
]
PASSWORD_RESET_TIMEOUT = 3600
OTP_TOTP_ISSUER = f"ihome {_site.hostname}"  # the name in an authenticator app
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "orders:list"
LOGOUT_REDIRECT_URL = "houses:search"

# --- Calendars of other channels ------------------------------------------------------------------

# Private addresses that are fetched nevertheless. Only tests set it: their channels are on this machine.
CHANNELS_ALSO_AT: tuple[str, ...] = ()

# --- Language and time ----------------------------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

# --- Files ----------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = text("STATIC_ROOT", str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_ROOT = text("MEDIA_ROOT", str(BASE_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "ihome_site.storage.StaticFiles"},
}

WHITENOISE_USE_FINDERS = not (Path(STATIC_ROOT) / "staticfiles.json").is_file()

# --- Mail -----------------------------------------------------------------------------------------

_mail = environment.mail("consolemail://")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = (_mail.get("EMAIL_HOST") or "localhost", _mail.get("EMAIL_PORT") or 25)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = (
    _mail.get("EMAIL_HOST_USER") or "",
    _mail.get("EMAIL_HOST_PASSWORD") or "",
)
EMAIL_USE_TLS, EMAIL_USE_SSL = (_mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = text("DEFAULT_FROM_EMAIL", "ihome <noreply@localhost>")

# --- SMS ------------------------------------------------------------------------------------------

SMS = environment.sms("console://")
SMS_DAILY_BUDGET = environment.count("SMS_DAILY_BUDGET", 500)
SMS_PER_ADDRESS = environment.count("SMS_PER_ADDRESS", 10)

# --- Contact --------------------------------------------------------------------------------------
# Shown in the footer and on the order page. Either may be empty.

CONTACT_PHONE = text("CONTACT_PHONE").strip()
CONTACT_EMAIL = text("CONTACT_EMAIL").strip()

# --- Company --------------------------------------------------------------------------------------
# Shown in the footer and in the documents. documents/checks.py checks the numbers at startup.

COMPANY_NAME = text("COMPANY_NAME").strip()
COMPANY_CREDIT_CODE = text("COMPANY_CREDIT_CODE").strip()
COMPANY_LICENCES = [licence.strip() for licence in items("COMPANY_LICENCES", []) if licence.strip()]
ICP_NUMBER = text("ICP_NUMBER").strip()
POLICE_NUMBER = text("POLICE_NUMBER").strip()

# --- Security -------------------------------------------------------------------------------------

_https = _site.scheme == "https"
# __Host-: no other host, also below the same domain, can set these cookies, and none without https.
COOKIE_PREFIX = "__Host-" if _https else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}django_language"
DEVICE_COOKIE_NAME = f"{COOKIE_PREFIX}device"  # which browsers an account was used with: accounts/devices.py
MESSAGE_STORAGE = "ihome_site.messages.Messages"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False  # not for this site to decide, so the checks of it are silenced
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def _pay_origins(gateway_url: str) -> list[str]:
    """Return the form-action sources for Pay: Chromium checks them for every redirect after a form post."""
    gateway = urlsplit(gateway_url)
    host = gateway.hostname or ""
    for alipay in ("alipay.com", "alipaydev.com"):
        if host == alipay or host.endswith("." + alipay):
            return [f"https://*.{alipay}"]
    port = f":{gateway.port}" if gateway.port else ""
    return [f"{gateway.scheme}://{name}{port}" for name in dict.fromkeys((host, "127.0.0.1", "localhost"))]


_CSP = {
    "default-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'", *_pay_origins(ALIPAY_GATEWAY_URL)],
}
# One text for every answer: a library that builds it anew each time took a fifth of an empty request.
CONTENT_SECURITY_POLICY = "; ".join(" ".join([name, *sources]) for name, sources in _CSP.items())

# Features that no page uses. Passkeys (publickey-credentials-*) keep their default: this site alone.
_UNUSED = (
    *("accelerometer", "autoplay", "camera", "display-capture", "fullscreen", "geolocation", "gyroscope"),
    *("magnetometer", "microphone", "midi", "payment", "screen-wake-lock", "usb", "xr-spatial-tracking"),
)
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in _UNUSED)

# --- Monitoring -----------------------------------------------------------------------------------

SENTRY_DSN = environment.sentry()
METRICS_TOKEN = text("METRICS_TOKEN").strip()
LAST_BACKUP_PATH = text("LAST_BACKUP_PATH")
CERTIFICATE_PATH = text("CERTIFICATE_PATH")

# --- Logs -----------------------------------------------------------------------------------------
# Log ids and verdicts, never signatures, keys or passwords.

LOG_FORMAT = environment.choice("LOG_FORMAT", "text" if DEBUG or REHEARSAL else "json", ("text", "json"))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "refused": {"()": "ihome_site.logs.RefusedRequestsAreWarnings"},
        "outage": {"()": "ihome_site.logs.OneErrorPerOutage"},
    },
    "formatters": {
        "line": {
            "()": "ihome_site.logs.SiteFormatter",
            "form": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["refused", "outage"], "formatter": "line"},
    },
    "root": {"handlers": ["console"], "level": text("LOG_LEVEL", "INFO")},
}
