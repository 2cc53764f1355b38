"""gunicorn's way in. Refuses to boot on a failing system check: gunicorn alone would serve regardless."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ihome_site.settings")
application = get_wsgi_application()


def refuse_to_serve_on_errors() -> None:
    """Raises SystemExit with the errors in words; no stack trace, and no key material."""
    from django.core import checks

    found = checks.run_checks(include_deployment_checks=True)
    errors = [message for message in found if message.is_serious()]
    if errors:
        raise SystemExit("\n".join(["The site can't start:", *map(str, errors)]))


refuse_to_serve_on_errors()
