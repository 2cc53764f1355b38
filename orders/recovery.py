"""A restore that lost hours: nights are not booked until Alipay's bills of those hours have come.

Somebody whose order was lost may have paid for nights that look free. bills/recovering.py brings such orders
back from the bills, and jobs/recovery.py begins the recovery once a backup without binlogs is loaded.
"""

from datetime import date, datetime, time, timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.refusal import Refusal
from core.resolvable import Resolvable
from core.templatetags.ihome import moment

BILL_READY_AT = time(9)
BILL_COMPARED_AT = time(11)
"""On the day after, in Beijing. The timer of the bill starts half an hour before."""
NEAR_MIDNIGHT = timedelta(minutes=10)
"""Payments and refunds of the last minutes before midnight may be in the next day's bill."""


class BookingsHeld(Refusal):
    """A sentence for whoever wants nights. Nothing was written."""


class Recovery(Resolvable):
    """Hours that a restored backup lost. Resolved: nights may be booked again, by staff or by the bill."""

    lost_from = models.DateTimeField(gettext_lazy("lost from"))
    restored_at = models.DateTimeField(gettext_lazy("restored at"), default=timezone.now)
    billed_at = models.DateTimeField(
        gettext_lazy("bills reconciled at"),
        null=True,
        blank=True,
        help_text=gettext_lazy("When the bills of all lost hours had been reconciled."),
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("restored backup")
        verbose_name_plural = gettext_lazy("restored backups")

    def __str__(self) -> str:
        begin, end = (timezone.localtime(at) for at in (self.lost_from, self.restored_at))
        return f"{moment(begin)} – {moment(end)}"

    @property
    def days(self) -> list[date]:
        """Days in Beijing whose bills may name what was lost."""
        first = timezone.localdate(self.lost_from)
        last = timezone.localdate(self.restored_at + NEAR_MIDNIGHT)
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    def bill_at(self, at: time) -> datetime:
        """Return a time on the morning when the last of these bills is ready."""
        return timezone.make_aware(datetime.combine(self.days[-1] + timedelta(days=1), at))


def refuse_while_held() -> None:
    """Raise BookingsHeld while nights are not to be booked."""
    held = Recovery.objects.filter(done_at=None).first()
    if held is None:
        return
    until = held.bill_at(BILL_COMPARED_AT)
    if until > timezone.now():
        refusal = _(
            "We're restoring our records after a failure, so bookings are paused until about %(time)s. "
            "Nothing was booked. Please try again then."
        )
        raise BookingsHeld(refusal % {"time": moment(until)})
    raise BookingsHeld(
        _(
            "We're restoring our records after a failure, so bookings are paused for a few more hours. "
            "Nothing was booked."
        )
    )


def lost_days() -> set[date]:
    return {day for recovery in Recovery.objects.all() for day in recovery.days}


def may_have_been_mailed(*, booked_at: datetime, written_at: datetime) -> bool:
    """Tell whether an event may repeat one that was lost, whose mail went out.

    Asked about events that no person made: those follow from what Alipay says, and from deadlines.
    """
    lost = Recovery.objects.filter(restored_at__gte=booked_at, lost_from__lte=written_at)
    return lost.filter(models.Q(billed_at=None) | models.Q(billed_at__gte=written_at)).exists()
