"""Passkeys (WebAuthn): set up, and proven by signing a challenge. py_webauthn checks the signatures."""

import json
from datetime import timedelta
from ipaddress import ip_address
from typing import NamedTuple

import webauthn
from django.core import signing
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.crypto import salted_hmac
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.factors import store
from accounts.models import AccountEvent, Passkey, User
from core.rate_limits import Limit, LimitReached, take
from core.transactions import durable_transaction

SALT = "accounts.factors.passkeys"
LIFE = timedelta(minutes=10)
USED = Limit("uses of a passkey challenge", 1, LIFE)


class Offer(NamedTuple):
    """A question to the browser, as JSON, and its challenge, signed: nothing is stored."""

    options: str
    challenge: str


def are_possible(request: HttpRequest) -> bool:
    """Tell whether browsers take passkeys for this host: they don't for an address of numbers."""
    try:
        ip_address(_host(request).strip("[]"))
    except ValueError:
        return True
    return False


def of(user: User) -> QuerySet[Passkey]:
    return Passkey.objects.filter(user=user).order_by("pk")


def offer_to_make(request: HttpRequest, user: User) -> Offer:
    options = webauthn.generate_registration_options(
        rp_id=_host(request),
        rp_name="ihome",
        user_id=salted_hmac(SALT, str(user.pk), algorithm="sha256").digest(),
        user_name=user.mobile,
        user_display_name=str(user),
        exclude_credentials=_descriptors(user),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
    )
    return Offer(webauthn.options_to_json(options), _signed(user, "make", options.challenge))


def offer_to_prove(request: HttpRequest, user: User) -> Offer | None:
    """Return None if the account has no passkey, or browsers take none for this host."""
    if not are_possible(request) or not (known := _descriptors(user)):
        return None
    options = webauthn.generate_authentication_options(rp_id=_host(request), allow_credentials=known)
    return Offer(webauthn.options_to_json(options), _signed(user, "prove", options.challenge))


def make(request: HttpRequest, user: User, *, name: str, answer: str, challenge: str) -> bool:
    """Set up the passkey that the browser made. False if the answer is not one to the challenge."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=_use_up(user, "make", challenge),
            expected_rp_id=_host(request),
            expected_origin=_origin(request),
        )
    except (WebAuthnException, signing.BadSignature, LimitReached):
        return False
    _save(
        Passkey(
            user=user,
            name=name,
            credential_id=urlsafe_base64_encode(made.credential_id),
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
        )
    )
    return True


def accept(request: HttpRequest, user: User, *, answer: str, challenge: str) -> bool:
    """Tell whether one of the user's passkeys signed the challenge. Each challenge counts once."""
    passkey = _named_in(user, answer)
    if passkey is None:
        return False
    try:
        proven = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=_use_up(user, "prove", challenge),
            expected_rp_id=_host(request),
            expected_origin=_origin(request),
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
        )
    except (WebAuthnException, signing.BadSignature, LimitReached):
        return False
    # A count that doesn't grow tells of a copy of the key; most passkeys of today always say 0.
    same = Passkey.objects.filter(pk=passkey.pk, sign_count=passkey.sign_count)
    return bool(same.update(sign_count=proven.new_sign_count))


@durable_transaction
def remove(passkey: Passkey) -> bool:
    removed = Passkey.objects.filter(pk=passkey.pk).delete()[0]
    if removed:
        store.note_removed(passkey.user, f"passkey {passkey.name}")
    return bool(removed)


@durable_transaction
def _save(passkey: Passkey) -> None:
    passkey.pk = None
    passkey.save(force_insert=True)
    detail = f"passkey {passkey.name}"
    store.note_change(passkey.user, AccountEvent.Kind.FACTOR_SET, by=passkey.user, detail=detail)


def _named_in(user: User, answer: str) -> Passkey | None:
    try:
        credential_id = json.loads(answer)["id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return next((passkey for passkey in of(user) if passkey.credential_id == credential_id), None)


def _descriptors(user: User) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=urlsafe_base64_decode(row.credential_id)) for row in of(user)]


def _signed(user: User, purpose: str, challenge: bytes) -> str:
    return signing.dumps([user.pk, purpose, urlsafe_base64_encode(challenge)], salt=SALT)


def _use_up(user: User, purpose: str, challenge: str) -> bytes:
    """Return the challenge. Raises BadSignature, or LimitReached if it was used."""
    pk, sent_for, text = signing.loads(challenge, salt=SALT, max_age=LIFE)
    if (pk, sent_for) != (user.pk, purpose):
        raise signing.BadSignature
    take(USED, text)
    return urlsafe_base64_decode(text)


def _host(request: HttpRequest) -> str:
    """Return the host without its port. ALLOWED_HOSTS has checked it, and the browser signs its own."""
    return split_domain_port(request.get_host())[0]


def _origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"
