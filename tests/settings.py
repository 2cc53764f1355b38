"""The site's own settings under test: a fixed environment, a folder that goes away, fast passwords.

Only DATABASE_URL is taken from outside (deploy/mariadb.py sets it); the environment of whoever runs the
tests, and a .env of theirs, change nothing else. Processes that a test starts inherit this environment.
"""

import os
import secrets
import tempfile
from pathlib import Path

from demo.keys import DEMO_APP_ID, DEMO_SELLER_ID

# Only named here, since mypy reads this file too; conftest.py makes and removes it.
FOLDER = Path(tempfile.gettempdir()) / f"ihome-test-{secrets.token_hex(8)}"
KEYS = FOLDER / "keys"

if not os.environ.get("DATABASE_URL", "").startswith("mysql:"):  # a test process inherits another one's
    os.environ["DATABASE_URL"] = f"sqlite:///{FOLDER / 'ihome.sqlite3'}"
os.environ.update(
    DEBUG="0",
    SECRET_KEY="only for tests, and long enough not to be warned about",
    SITE_URL="http://testserver",
    ALLOWED_HOSTS="testserver,127.0.0.1,localhost",
    CSRF_TRUSTED_ORIGINS="http://testserver",
    TRUST_PROXY="0",
    REHEARSAL="1",
    REDIS_URL="",
    STAFF_REFUND_LIMIT="1000.00",
    EMAIL_URL="memorymail://",
    DEFAULT_FROM_EMAIL="ihome <noreply@localhost>",
    SMS_URL="console://",
    SMS_DAILY_BUDGET="500",
    SMS_PER_ADDRESS="10",
    CONTACT_PHONE="",
    CONTACT_EMAIL="",
    COMPANY_NAME="",
    COMPANY_CREDIT_CODE="",
    COMPANY_LICENCES="",
    ICP_NUMBER="",
    POLICE_NUMBER="",
    LOG_LEVEL="INFO",
    LOG_FORMAT="text",
    METRICS_TOKEN="",
    SENTRY_DSN="",
    LAST_BACKUP_PATH="",
    CERTIFICATE_PATH="",
    MEDIA_ROOT=str(FOLDER / "media"),
    STATIC_ROOT=str(FOLDER / "static"),
    ALIPAY_APP_ID=DEMO_APP_ID,
    ALIPAY_SELLER_ID=DEMO_SELLER_ID,
    ALIPAY_GATEWAY_URL="http://127.0.0.1:1/gateway.do",  # nobody is there: a test starts its own
    ALIPAY_APP_PRIVATE_KEY_PATH=str(KEYS / "app_private_key.pem"),
    ALIPAY_PUBLIC_KEY_PATH=str(KEYS / "alipay_public_key.pem"),
)

from ihome_site.settings import *  # noqa: E402, F403
from ihome_site.settings import DATABASES, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as on a real site: in memory, threads would share one connection and races could not show.
    DATABASES["default"]["TEST"] = {"NAME": str(FOLDER / "test.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Each Client of a test loads the middleware anew, and WhiteNoise would stat every static file each time.
WHITENOISE_USE_FINDERS = False
