#!/usr/bin/env python
"""Django's command line for ihome."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ihome_site.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if settings.configured:
            raise
        raise SystemExit(f"The site can't start:\n{error}") from None


if __name__ == "__main__":
    main()
