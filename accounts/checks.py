"""Deployment check of SMS: without a provider nobody gets the code that sign-up asks for."""

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from accounts.sms import CONSOLE


@register(deploy=True)
def check_sms(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    if settings.REHEARSAL or settings.SMS["provider"] != CONSOLE:
        return []
    problem = "SMS_URL is not set: codes can't be sent, so nobody can sign up or reset a password by code."
    return [Warning(problem, hint="docs/operations.md", id="accounts.W001")]
