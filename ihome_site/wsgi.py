"""WSGI entry point. Exits if a system check fails; Django runs checks only in its own commands."""

import os
import sys
import threading
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.template import engines

from ihome_site.requests import Utf8Request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ihome_site.settings")
GUNICORN_APP_LOAD_ERROR = 4
"""gunicorn's exit status for this error: it restarts workers that exit with another one, forever."""

try:
    application = get_wsgi_application()
except ImproperlyConfigured as error:
    print("The site can't start:", error, sep="\n", file=sys.stderr)
    raise SystemExit(GUNICORN_APP_LOAD_ERROR) from None
application.request_class = Utf8Request


def refuse_to_serve_on_errors() -> None:
    """Run the system checks. On errors, print them, without a traceback or key material, and exit."""
    from django.core.checks import run_checks
    from django.db import DEFAULT_DB_ALIAS

    from payments.production_checks import check_migrated

    # Not the databases of all checks: Django's own would open the connection that gunicorn's workers share.
    found = run_checks(include_deployment_checks=True)
    found += check_migrated(None, databases=[DEFAULT_DB_ALIAS])
    errors = [message for message in found if message.is_serious()]
    if errors:
        print("The site can't start:", *errors, sep="\n", file=sys.stderr)
        raise SystemExit(GUNICORN_APP_LOAD_ERROR)


def load_templates() -> None:
    """Compile the renters' pages, half a second: no visitor waits then, and gunicorn's workers share them."""
    engine: Any = engines["jinja2"]
    for name in engine.env.list_templates():
        if not name.startswith("staff/"):
            engine.env.get_template(name)


def watch_the_database() -> None:
    from django.db import connection

    from ihome_site.mariadb import silence

    if connection.vendor == "mysql":
        silence.watch(connection.get_connection_params(), threading.Event())


refuse_to_serve_on_errors()
load_templates()
# gunicorn loads this once and forks its workers; threads don't outlive a fork.
os.register_at_fork(after_in_child=watch_the_database)
