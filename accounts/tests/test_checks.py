"""The deployment check of SMS."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


@pytest.mark.parametrize(
    ("rehearsal", "provider", "warned"),
    [(False, "console", True), (True, "console", False), (False, "aliyun", False)],
)
def test_a_site_that_prints_its_codes_is_warned(
    settings: Settings, rehearsal: bool, provider: str, warned: bool
) -> None:
    settings.REHEARSAL, settings.SMS = rehearsal, {**settings.SMS, "provider": provider}
    found = run_checks(include_deployment_checks=True)
    assert ("accounts.W001" in [message.id for message in found]) == warned
