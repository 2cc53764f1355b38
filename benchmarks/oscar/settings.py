"""django-oscar as its documentation sets it up, on the server of DATABASE_URL, in a database of its own."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from oscar.defaults import *  # noqa: F403

_server = urlsplit(os.environ["DATABASE_URL"])
_FOLDER = Path(os.environ["OSCAR_FOLDER"])

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": "oscar",
        "HOST": parse_qs(_server.query).get("unix_socket", [_server.hostname])[0],
        "PORT": _server.port or "",
        "USER": _server.username,
        "PASSWORD": _server.password or "",
        "CONN_MAX_AGE": None,
        "OPTIONS": {"charset": "utf8mb4", "init_command": "SET default_storage_engine=InnoDB"},
        "ATOMIC_REQUESTS": False,
    }
}
DEBUG = False
DEBUG_PROPAGATE_EXCEPTIONS = True
SECRET_KEY = "oscar"
ALLOWED_HOSTS = ["127.0.0.1"]
SITE_ID = 1
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
STATIC_URL, STATIC_ROOT = "/static/", str(_FOLDER / "static")
MEDIA_URL, MEDIA_ROOT = "/media/", str(_FOLDER / "media")
THUMBNAIL_DEBUG = False
ROOT_URLCONF = "benchmarks.oscar.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
AUTHENTICATION_BACKENDS = ("oscar.apps.customer.auth_backends.EmailBackend",)
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ]
        },
    }
]
_DJANGO = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles", "sites", "flatpages")
_OSCAR = (
    *("analytics", "checkout", "address", "shipping", "catalogue", "catalogue.reviews", "communication"),
    *("partner", "basket", "payment", "offer", "order", "customer", "search", "voucher", "wishlists"),
)
_DASHBOARD = (
    *("reports", "users", "orders", "catalogue", "offers", "partners", "pages", "ranges", "reviews"),
    *("vouchers", "communications", "shipping"),
)
_CONFIGS = {
    "catalogue.reviews": "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
}
INSTALLED_APPS = [
    *(f"django.contrib.{name}" for name in _DJANGO),
    "oscar.config.Shop",
    *(_CONFIGS.get(name, f"oscar.apps.{name}.apps.{name.title()}Config") for name in _OSCAR),
    "oscar.apps.dashboard.apps.DashboardConfig",
    *(f"oscar.apps.dashboard.{name}.apps.{name.title()}DashboardConfig" for name in _DASHBOARD),
    *("widget_tweaks", "haystack", "treebeard", "django_tables2"),
]
