"""A second factor in tests: an authenticator app, and what it shows at a time."""

import re
import time

from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.factors import app_codes
from accounts.models import User

QUESTION, SET_UP, OVERVIEW = "/accounts/factor/", "/accounts/me/factors/app/", "/accounts/me/factors/"
CODES, REMOVE = "/accounts/me/factors/codes/", "/accounts/me/factors/app/remove/"


def code_of(device: TOTPDevice, *, steps: int = 0) -> str:
    """Return what the app shows now, or `steps` times 30 seconds later."""
    totp = TOTP(device.bin_key, device.step)
    totp.time = time.time() + 30 * steps
    return f"{totp.token():06d}"


def with_app(user: User) -> TOTPDevice:
    """Set up an app a minute ago, so that its code of now is unused."""
    device = app_codes.device_of(user, app_codes.new_offer(user))
    assert device and app_codes.set_up(device, code_of(device, steps=-1))
    return device


def set_up_by(browser: Client, **fields: str) -> tuple[TOTPDevice, list[str]]:
    """Set up an app on its page. Returns it with the recovery codes of the next page."""
    page = browser.get(SET_UP).content.decode()
    [offer] = re.findall(r'name="offer" value="([^"]+)"', page)
    device = app_codes.device_of(User.objects.get(pk=browser.session["_auth_user_id"]), offer)
    answer = browser.post(SET_UP, {"offer": offer, "code": code_of(device, steps=-1), **fields})
    assert answer.status_code == 200, answer.headers
    return device, recovery_codes(answer.content.decode())


def recovery_codes(page: str) -> list[str]:
    return re.findall(r"<li>((?:[A-Z2-9]{4}-){5}[A-Z2-9]{4})</li>", page)
