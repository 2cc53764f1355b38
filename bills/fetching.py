"""Gets the bill of a day from Alipay or from a downloaded file."""

from datetime import date, timedelta

from django.conf import settings
from django.utils import timezone

from bills.days import MISSED_AFTER, beginning
from orders.recovery import NEAR_MIDNIGHT
from payments import queries
from payments.alipay import http
from payments.alipay.answers import BillAt, NoBill, Refused, TooManyCalls, Unknown, WrongDay
from payments.alipay.bill import Bill, BillProblem, EmptyFile, parse
from payments.alipay.configured import alipay_client
from payments.models import Payment, Refund

DOWNLOAD_WITHIN = 120.0
"""Timeout in seconds, for a bill of any size."""
NO_BILL_AFTER = timedelta(hours=36)
"""From so long after the start of a day, Alipay's "no bill" means that nothing was paid or refunded on it."""


class NoBillYet(Exception):
    """There is no bill to compare with; the message says why. Nothing was changed."""


class TooSoon(NoBillYet):
    """Alipay limits the calls: bills of other days must wait, too."""


def fetch(day: date) -> Bill:
    """Download the bill of a day from Alipay. Raises NoBillYet, BillProblem."""
    match alipay_client().bill(day, deadline=queries.BACKGROUND_TIMEOUT).result:
        case BillAt(url=url, is_empty=is_empty):
            return _download(url, day, is_empty)
        case NoBill():
            return _without_bill(day)
        case WrongDay(code=code):
            raise NoBillYet(
                f"Alipay has no bill of {day} ({code}): the day is before the account was opened, more than "
                "six years ago, or not over. Check DATE."
            )
        case TooManyCalls(code=code):
            raise TooSoon(f"Alipay limits how often bills are requested ({code}). Try again in a minute.")
        case Refused(code=code, sub_code=sub_code):
            raise NoBillYet(
                f"Alipay refuses to give the bill ({code} {sub_code}). Check the app's permissions there."
            )
        case Unknown(reason=reason):
            raise NoBillYet(f"Alipay does not answer ({reason}). Try again later.")


def _download(url: str, day: date, is_empty: bool) -> Bill:
    """Download and parse a file. One with nothing in it counts only if Alipay's signed answer says so."""
    try:
        return read(http.download(url, deadline=DOWNLOAD_WITHIN), day)
    except http.GatewayUnreachable as error:
        raise NoBillYet(f"Alipay's file could not be downloaded ({error}). Try again.") from error
    except EmptyFile:
        if not is_empty:
            raise
    return _without_bill(day)


def _without_bill(day: date) -> Bill:
    """A bill without rows, once it is late enough for that. Raises NoBillYet."""
    if timezone.now() > beginning(day) + _no_bill_after(day):
        return Bill(settings.ALIPAY_SELLER_ID, day, [], [])
    raise NoBillYet(f"Alipay has no bill of {day}. It is ready by about 9:00 (in Beijing) on the next day.")


def read(content: bytes, day: date) -> Bill:
    """Parse a file. Raises BillProblem, also if it is of another account or day."""
    bill = parse(content)
    if not bill.account.startswith(settings.ALIPAY_SELLER_ID):
        raise BillProblem(f"The bill is of account {bill.account}, not of {settings.ALIPAY_SELLER_ID}.")
    if bill.day != day:
        raise BillProblem(f"The bill is of {bill.day}, not of {day}.")
    return bill


def _no_bill_after(day: date) -> timedelta:
    """NO_BILL_AFTER, or longer if our books have money of that day: then a bill must come, however late."""
    begin, end = beginning(day), beginning(day + timedelta(days=1)) - NEAR_MIDNIGHT
    received = Payment.objects.at_alipay().filter(received_fen__gt=0, paid_at__gte=begin, paid_at__lt=end)
    refunded = Refund.objects.filter(status=Refund.Status.DONE, done_at__gte=begin, done_at__lt=end)
    refunded = refunded.filter(payment__channel=Payment.Channel.ALIPAY)
    return timedelta(days=1) + MISSED_AFTER if received.exists() or refunded.exists() else NO_BILL_AFTER
