"""Reads settings from the environment. A refusal names the setting, never a value that may be secret."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

MIN_SECRET_LENGTH = 32
MIN_SECRET_CHARACTERS = 5
"""Number of different characters; Django's own check has the same number."""


def text(name: str, default: str = "") -> str:
    """Read a text as it is written. (environ reads `$NAME` as the name of another variable.)"""
    return os.environ.get(name, default)


def items(name: str, default: list[str]) -> list[str]:
    """Read a list with commas between its items."""
    return [item for item in os.environ[name].split(",") if item] if name in os.environ else default


def flag(name: str, default: bool = False) -> bool:
    """Read a boolean. Raises ImproperlyConfigured for a value that means neither on nor off."""
    on, off = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
    value = text(name).strip().lower()
    if value and value not in on + off:
        raise ImproperlyConfigured(f"{name}={value} is neither on (1) nor off (0).")
    return value in on if value else default


def is_public(site: SplitResult, *, behind_proxy: bool) -> bool:
    """Whether strangers can open it: by https, or through a proxy to another machine's address."""
    here = site.hostname in ("localhost", "127.0.0.1", "::1")
    return site.scheme == "https" or (behind_proxy and not here)


def secret_key(*, debug: bool) -> str:
    """Read SECRET_KEY. Raises ImproperlyConfigured for one that could be guessed: it signs the sessions."""
    key = text("SECRET_KEY")
    if debug:
        return key or "only for development"
    if not key:
        raise ImproperlyConfigured("Set SECRET_KEY to a long random text (or DEBUG=1 for development).")
    if len(key) < MIN_SECRET_LENGTH or len(set(key)) < MIN_SECRET_CHARACTERS:
        raise ImproperlyConfigured(
            f"SECRET_KEY is too easy to guess. Set it to a random text of at least {MIN_SECRET_LENGTH} "
            "characters; .env.example has a command that prints one."
        )
    return key


def database(default: str) -> dict[str, Any]:
    """Read DATABASE_URL as Django's settings of a database. Raises ImproperlyConfigured."""
    url = text("DATABASE_URL") or default
    scheme = url.partition("://")[0]
    if scheme != "sqlite":
        check_url("DATABASE_URL", url)
    # environ warns of an unknown scheme, with the password in its warning.
    settings = environ.Env.db_url_config(url) if scheme in environ.Env.DB_SCHEMES else {}
    if not settings.get("NAME"):
        raise ImproperlyConfigured(
            "DATABASE_URL is not the address of a database, such as mysql://ihome:password@127.0.0.1:3306/ihome."
        )
    return settings


def mail(default: str) -> dict[str, Any]:
    """Read EMAIL_URL as Django's settings of mail. Raises ImproperlyConfigured."""
    url = text("EMAIL_URL") or default
    check_url("EMAIL_URL", url)
    try:
        return environ.Env.email_url_config(url)
    except (ImproperlyConfigured, KeyError, ValueError):
        raise ImproperlyConfigured(
            "EMAIL_URL is not the address of a mail server, such as smtp+tls://user:password@smtp.example:587."
        ) from None


def redis() -> str:
    """Read REDIS_URL; empty without one. Raises ImproperlyConfigured."""
    url = text("REDIS_URL")
    if url:
        check_url("REDIS_URL", url)
    return url


def sms(default: str) -> dict[str, str]:
    """Read SMS_URL: `console://`, or the account at Alibaba Cloud. Raises ImproperlyConfigured."""
    url = text("SMS_URL") or default
    if url == "console://":
        return {"provider": "console"}
    check_url("SMS_URL", url)
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    settings = {
        "provider": parts.scheme,
        "key_id": unquote(parts.username or ""),
        "secret": unquote(parts.password or ""),
        "endpoint": parts.netloc.rpartition("@")[2] or "dysmsapi.aliyuncs.com",
        "sign": query.get("sign", [""])[0],
        "template": query.get("template", [""])[0],
    }
    if parts.scheme != "aliyun" or not all(settings.values()):
        raise ImproperlyConfigured(
            "SMS_URL is neither console:// nor aliyun://KEY_ID:SECRET@dysmsapi.aliyuncs.com/?sign=…&template=SMS_…"
        )
    if find_spec("alibabacloud_dysmsapi20170525") is None:
        raise ImproperlyConfigured("SMS_URL=aliyun://… needs `pip install -r requirements-sms.txt`.")
    return settings


def sentry() -> str:
    """Read SENTRY_DSN; empty without one. Raises ImproperlyConfigured if its package is missing."""
    dsn = text("SENTRY_DSN").strip()
    if dsn and find_spec("sentry_sdk") is None:
        raise ImproperlyConfigured("SENTRY_DSN needs `pip install -r requirements-sentry.txt`.")
    return dsn


def count(name: str, default: int) -> int:
    """Read a whole number that is not negative. Raises ImproperlyConfigured."""
    value = text(name).strip() or str(default)
    if not (value.isascii() and value.isdigit()):
        raise ImproperlyConfigured(f"{name}={value} is no whole number.")
    return int(value)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Read one of several names. Raises ImproperlyConfigured for another."""
    value = text(name).strip().lower() or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value} is none of {', '.join(allowed)}.")
    return value


def runs_for_long() -> bool:
    """Tell whether this process is a command whose single statements may take minutes."""
    return Path(sys.argv[0]).name == "manage.py" and sys.argv[1:2] in (["migrate"], ["check_money"])


def check_url(name: str, url: str) -> None:
    """Raise ImproperlyConfigured if a character of the password has cut the URL in another place.

    The value stays out of the message: its parts may be the beginning of the password.
    """
    try:
        parts = urlsplit(url)
        _port = parts.port  # raises ValueError
        is_cut = "@" in parts.path or ("@" not in parts.netloc and "@" in parts.query + parts.fragment)
    except ValueError:
        is_cut = True
    if is_cut:
        raise ImproperlyConfigured(
            f"{name} can't be read. Special characters of the password are percent-encoded: "
            "? is %3F, / is %2F, # is %23, @ is %40, : is %3A, [ is %5B."
        ) from None
