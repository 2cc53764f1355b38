"""Ids that several servers give out: a later row may have a lower one, so time tells what is newest."""

from datetime import timedelta

from django.core import mail
from django.utils import timezone

from accounts import invitations
from accounts.models import AccountEvent
from orders import mailing
from orders.models import OrderEvent
from payments.models import Payment
from payments.pages.views import _status_json
from tests import make

EARLIER = timedelta(minutes=1)


def test_mails_are_sent_in_the_order_of_time(db: None) -> None:
    order = make.order(make.user(email="wang@example.com"), language="en")
    now = timezone.now()
    for kind, created_at in ((OrderEvent.Kind.PAID, now), (OrderEvent.Kind.BOOKED, now - EARLIER)):
        OrderEvent.objects.create(order=order, kind=kind, amount_fen=30000, created_at=created_at)
    assert [mailing.send(key) for key in mailing.due()] == [2]
    booked, paid = (message.body for message in mail.outbox)
    assert ("received your payment" in booked, "received your payment" in paid) == (False, True)


def test_the_page_of_an_order_tells_of_its_newest_attempt(db: None) -> None:
    order = make.order()
    now = timezone.now()
    make.attempt(order, status=Payment.Status.OPEN, created_at=now)
    make.attempt(order, status=Payment.Status.CLOSED, created_at=now - EARLIER, live_for=None)
    assert b'"payment": "OPEN"' in _status_json(order).content


def test_the_newest_link_of_an_account_is_the_one_that_is_valid(db: None) -> None:
    user = make.user()
    now = timezone.now()
    state = invitations._state(user)
    for created_at in (now, now - EARLIER):
        AccountEvent.objects.create(
            user=user, account=user.mobile, kind=invitations.LINK_KINDS[0], created_at=created_at
        )
        former, state = state, invitations._state(user)
    assert state == former, "the second was written under a higher id, and is older"
