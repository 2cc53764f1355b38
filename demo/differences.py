"""A paid stay that becomes longer once its difference is paid."""

from datetime import timedelta

from accounts.models import User
from orders import changes
from orders.changes import Stay
from orders.models import Order
from payments import stay_changes

REASON = "电话里说好的，多住一晚看日出。"


def make(order: Order, *, by: User) -> None:
    """Add a night, by staff: a change that the renter makes waits for minutes alone."""
    now = changes.stay_of(order)
    longer = Stay(now.check_in, now.check_out + timedelta(days=1), now.guests)
    agreed = stay_changes.preview(order, longer).agreed
    stay_changes.change(order, longer, by=by, agreed=agreed, reason=REASON)
