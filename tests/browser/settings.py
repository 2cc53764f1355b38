"""The site's own settings, with a fast hash of passwords: people sign up or in for nearly every test."""

from ihome_site.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
