"""gunicorn's way in. Refuses to boot on a failing system check: gunicorn alone would serve regardless."""

import logging
import os
import sys

from django.core.wsgi import get_wsgi_application

from ihome_site.logs import WithoutQuery
from ihome_site.requests import Utf8Request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ihome_site.settings")
GUNICORN_APP_LOAD_ERROR = 4
"""A worker that ends with another status is started again, for ever."""

application = get_wsgi_application()
application.request_class = Utf8Request


def refuse_to_serve_on_errors() -> None:
    """Says the errors in words, without stack trace or key material, and ends the process."""
    from django.core import checks

    found = checks.run_checks(include_deployment_checks=True)
    errors = [message for message in found if message.is_serious()]
    if errors:
        print("The site can't start:", *errors, sep="\n", file=sys.stderr)
        raise SystemExit(GUNICORN_APP_LOAD_ERROR)


refuse_to_serve_on_errors()
logging.getLogger("gunicorn.error").addFilter(WithoutQuery())  # it quotes requests that it can't read
