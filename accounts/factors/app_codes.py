"""The authenticator app: a secret that it shares with us, and the codes of six digits that both compute."""

import time
from base64 import b32encode

import segno
from django.core import signing
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from accounts.factors import store
from accounts.models import AccountEvent, User
from core.transactions import durable_transaction

SALT = "accounts.factors.app"
OFFER_LIFE = 3600
"""Seconds in which a secret that a page shows can be set up. Nothing is stored before."""


def new_offer(user: User) -> str:
    """Return a new secret for this account, signed: it travels in a field of the form."""
    return signing.dumps([user.pk, default_key()], salt=SALT)


def device_of(user: User, offer: str) -> TOTPDevice | None:
    """Return the device that the offer would make; None if it is too old or another account's."""
    try:
        pk, key = signing.loads(offer, salt=SALT, max_age=OFFER_LIFE)
    except signing.BadSignature:
        return None
    return TOTPDevice(user=user, name="app", key=key) if pk == user.pk else None


def picture_of(device: TOTPDevice) -> str:
    """Return the QR code as inline SVG, without styles or scripts: the page's policy forbids them."""
    return segno.make(device.config_url, error="m").svg_inline(
        scale=5, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )


def secret_of(device: TOTPDevice) -> str:
    """Return the secret for people who type it, in groups of four."""
    text = b32encode(device.bin_key).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


@durable_transaction
def set_up(device: TOTPDevice, code: str) -> bool:
    """Replace the account's app if it shows this code. False if it doesn't."""
    step = _step_of(device, code)
    if step is None:
        return False
    User.objects.select_for_update().get(pk=device.user_id)  # two at once would leave two apps
    TOTPDevice.objects.filter(user=device.user).delete()
    device.pk, device.last_t = None, step
    device.save(force_insert=True)
    store.note_change(device.user, AccountEvent.Kind.FACTOR_SET, by=device.user, detail="app")
    return True


def accept(user: User, code: str) -> bool:
    """Tell whether the user's app shows this code, and use it up: it is accepted once."""
    for device in TOTPDevice.objects.filter(user=user):
        step = _step_of(device, code)
        if step is not None and _use_up(device, step):
            return True
    return False


@durable_transaction
def remove(user: User) -> bool:
    """Remove the app. False if there is none."""
    removed = TOTPDevice.objects.filter(user=user).delete()[0]
    if removed:
        store.note_removed(user, "app")
    return bool(removed)


def _step_of(device: TOTPDevice, code: str) -> int | None:
    """Return the step of time that has this code; None if no step around now has, or it was used."""
    if not (code.isascii() and code.isdigit() and len(code) == device.digits):
        return None
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = time.time()
    return totp.t() if totp.verify(int(code), device.tolerance, device.last_t + 1) else None


def _use_up(device: TOTPDevice, step: int) -> bool:
    """Compare and set: of two requests with one code, one gets in. django-otp saves the row it has read."""
    return bool(TOTPDevice.objects.filter(pk=device.pk, last_t__lt=step).update(last_t=step))
