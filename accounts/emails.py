"""The mails of accounts: one that confirms an address, and links to addresses that are confirmed."""

from datetime import timedelta
from threading import Thread

from django.contrib import messages
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlencode, urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts.models import User
from core.links import absolute_url
from core.mail import NO_AUTOMATIC_REPLY, contacts
from core.outbox import sent
from core.rate_limits import Limit, LimitReached, of_address, take_all
from core.refusal import Refusal

HOUR = timedelta(hours=1)
CONFIRMATIONS = Limit("confirmation mails of an account", 1, HOUR)
TO_ADDRESS = Limit("confirmation mails to an address", 1, HOUR)
LINKS = Limit("reset links to an address", 2, HOUR)
LINKS_ASKED = Limit("reset links of a client", 10, HOUR)
MOST_ACCOUNTS = 3
"""Accounts with one email that get a link each."""
SALT = "accounts.emails"
LIFE = timedelta(days=1)


def send_confirmation(user: User, new: str = "") -> None:
    """Mail a link that confirms the email, or puts the new one in its place. Raises Refusal.

    Nothing else is mailed to an address before.
    """
    address = new or user.email
    _take((CONFIRMATIONS, str(user.pk)), (TO_ADDRESS, address.lower()))
    signed = [user.pk, new, user.email] if new else [user.pk, user.email]
    link = _link("accounts:email_confirmed", token=signing.dumps(signed, salt=SALT))
    _send_later([_mail(_("Confirm your email"), "accounts/confirm_mail.txt", address, link=link)])


def ask_to_confirm(request: HttpRequest, user: User, new: str = "") -> None:
    """Mail the link after an email was typed, and tell so on the next page."""
    try:
        send_confirmation(user, new)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return
    sentence = _("We've sent a link to your email. Open it to confirm the address.")
    if new:
        sentence = _("We've sent a link to %(email)s. Your email stays as it is until you open the link.")
    messages.success(request, sentence % {"email": new})


def tell(user: User, subject: str, template: str, **context: object) -> None:
    """Mail news of an account to its confirmed email, if it has one."""
    if user.email and user.email_verified_at:
        _send_later([_mail(subject, template, user.email, **context)])


def confirmed_by(user: User, token: str) -> str:
    """Return the address that the token was mailed to, within a day, if it is still the user's or wanted."""
    try:
        pk, address, *before = signing.loads(token, salt=SALT, max_age=LIFE)
    except (signing.BadSignature, ValueError):
        return ""
    return address if pk == user.pk and (before or [address]) == [user.email] else ""


def set_confirmed(user: User, address: str) -> bool:
    """Note that the address is the user's. False if their email was changed meanwhile."""
    unchanged = User.objects.filter(pk=user.pk, email=user.email, is_active=True)
    return bool(unchanged.update(email=address, email_verified_at=timezone.now()))


def remove(user: User) -> None:
    User.objects.filter(pk=user.pk, email=user.email).update(email="", email_verified_at=None)


def send_reset_links(request: HttpRequest, email: str) -> None:
    """Mail a link to each renter with this confirmed address. Raises Refusal."""
    _take((LINKS, email.lower()), *of_address(LINKS_ASKED, request))
    confirmed = User.objects.filter(
        email__iexact=email, email_verified_at__isnull=False, is_active=True, is_staff=False
    )
    _send_later([_reset_mail(user) for user in confirmed[:MOST_ACCOUNTS]])


def user_of_link(key: str, token: str) -> User | None:
    """Return the renter whose reset link this is, unless it was used or is older than an hour."""
    try:
        pk = int(urlsafe_base64_decode(key))
    except ValueError:
        return None
    user = User.objects.filter(pk=pk, is_active=True, is_staff=False).first() if pk < 2**63 else None
    return user if default_token_generator.check_token(user, token) else None


def _reset_mail(user: User) -> EmailMessage:
    key = urlsafe_base64_encode(force_bytes(user.pk))
    link = _link("accounts:password_by_link", key=key, token=default_token_generator.make_token(user))
    return _mail(_("Reset your password"), "accounts/reset_mail.txt", user.email, link=link)


def _link(view_name: str, **secrets: str) -> str:
    """Return a link with secrets in its query, which the access log leaves out."""
    return f"{absolute_url(view_name)}?{urlencode(secrets)}"


def _mail(subject: str, template: str, address: str, **context: object) -> EmailMessage:
    body = render_to_string(template, {"contacts": contacts(), **context})
    return EmailMessage(subject, body, to=[address], headers=NO_AUTOMATIC_REPLY)


def _send_later(mails: list[EmailMessage]) -> None:
    """Send in a thread: a page takes as long with an account as without, and waits for no mail server."""
    if mails:
        Thread(target=_send, args=[mails], daemon=True).start()


def _send(mails: list[EmailMessage]) -> None:
    for mail in mails:
        sent(mail)


def _take(*limits: tuple[Limit, str]) -> None:
    try:
        take_all(*limits)
    except LimitReached as reached:
        sentence = _("Too many links requested. Try again at %(time)s.")
        raise Refusal(sentence % {"time": reached.again_at}) from None
