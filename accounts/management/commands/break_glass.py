"""Gives an owner who lost everything a way back in: a superuser and a link to set its password."""

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import events, invitations
from accounts.factors import store
from accounts.mobile import clean_mobile, is_mobile
from accounts.models import AccountEvent, User
from core.transactions import durable_transaction

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Make an account a superuser, new or reopened, and print a link with which its owner sets a "
        "password. Its old password, second factors and sessions end. Superusers are told by email."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mobile", help="the mobile number that they sign in with")

    def handle(self, *args: Any, mobile: str, **options: Any) -> None:
        number = clean_mobile(mobile)
        if not is_mobile(number):
            raise CommandError(f"{mobile!r} is not a mobile number of eleven digits.")
        user, event = open_to(number)
        log.warning("break glass: account %d is a superuser again (account event %d)", user.pk, event.pk)
        self.stdout.write(
            f"Account {user.pk} ({number}) is a superuser. Set its password within three days, once, at\n"
            f"{invitations.link_of(user)}"
        )


@durable_transaction
def open_to(mobile: str) -> tuple[User, AccountEvent]:
    """Make the superuser and write the event. Nobody knows a password of it until the link is used."""
    user = User.objects.select_for_update().filter(mobile=mobile).first() or User(mobile=mobile)
    user.is_active = user.is_staff = user.is_superuser = True
    user.set_unusable_password()
    user.save()
    store.remove_all(user)
    return user, events.note(user, AccountEvent.Kind.BREAK_GLASS, by=None)
