"""Steps of a review after it is written: edited by its renter, replied to and hidden by staff, counted.

Each is one transaction that locks the order first, as a cancellation does, and reads the review after that.
"""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.refusal import Refusal
from core.transactions import durable_transaction
from houses.models import MARKS
from orders import review_photos, review_sums, transitions
from orders.models import Order, OrderEvent, Review

Kind = OrderEvent.Kind


class CannotReview(Refusal):
    """A sentence for whoever edits, hides or replies. Nothing was written."""


class EditedElsewhere(CannotReview):
    """The review was edited since the form was loaded."""


def save(
    order: Order, *, by: User, seen: str, photos: list[str], removed: list[str], **fields: Any
) -> Review:
    """Write the review of an order, or edit it from the version `seen`. The same words twice are no edit.

    `photos` are tokens of pending ones, `removed` the keys of those to delete. Raises CannotReview, or
    IllegalTransition if there is no review and none may be written.
    """
    try:
        review = durable_transaction(transitions.review)(order, by=by, **fields)
    except transitions.IllegalTransition:
        written = Review.objects.filter(order=order.pk).first()
        if written is None:
            raise
        if seen != version_of(written) and _says(written, fields):
            return written
        review = edit(written.pk, seen=seen, **fields)
    review_photos.change(order.pk, review.pk, tokens=photos, removed=removed)
    return review


def _says(review: Review, fields: dict[str, Any]) -> bool:
    return all(getattr(review, name) == value for name, value in fields.items())


def version_of(review: Review) -> str:
    """Return the state that an edit begins from, for the form: it changes with each edit."""
    at = timezone.localtime(review.edited_at or review.created_at)
    return f"{at:%Y%m%d%H%M%S%f}"


@durable_transaction
def edit(key: int, *, seen: str, rating: int, text: str, **marks: int | None) -> Review:
    """Replace the renter's words and stars. Raises EditedElsewhere unless `seen` is its version now."""
    review = _locked(key)
    if not review.is_editable:
        raise CannotReview(_("Reviews can be edited until 14 days after check-out."))
    if version_of(review) != seen:
        raise EditedElsewhere(_("You've saved this review in another window. Saving again replaces that."))
    was_counted = review_sums.uncount(key)
    new = {"rating": rating, "text": text, **{mark: marks.get(mark) for mark in MARKS}}
    _write(key, **new, edited_at=timezone.now())
    if was_counted:
        review_sums.count(key)
    return Review.objects.get(pk=key)


@durable_transaction
def hide(key: int, *, by: User, reason: str) -> None:
    """Take the review off the house's page and out of its sums. The renter reads the reason.

    One that was edited while hidden is hidden anew: that is how staff say that it stays so.
    """
    review = _locked(key)
    if review.hidden_at and not review.was_edited_while_hidden:
        raise CannotReview(_("%(number)s: this review is hidden already.") % {"number": review.order.number})
    review_sums.uncount(key)
    _write(key, hidden_at=timezone.now(), hidden_by=by, hidden_reason=reason, count_due=None)
    transitions.note(review.order, Kind.HIDDEN, actor=by, reason=reason)


@durable_transaction
def show(key: int, *, by: User) -> None:
    """Show a hidden review again: at once if the stay has ended, otherwise from check-out on."""
    review = _locked(key)
    if not review.hidden_at:
        raise CannotReview(_("%(number)s: this review is not hidden.") % {"number": review.order.number})
    _write(key, hidden_at=None, hidden_by=None, hidden_reason="")
    if review.order.is_paid:
        review_sums.count_or_wait(key, review.order)
    transitions.note(review.order, Kind.SHOWN, actor=by)


@durable_transaction
def reply(key: int, *, by: User, text: str) -> None:
    """Publish the house's reply beneath the review, once."""
    review = _locked(key)
    if review.reply:
        raise CannotReview(_("%(number)s: this review has a reply.") % {"number": review.order.number})
    _write(key, reply=text, replied_by=by, replied_at=timezone.now())
    transitions.note(review.order, Kind.REPLIED, actor=by)


@durable_transaction
def count_due(key: int) -> bool:
    """Count a review whose stay has ended. False if another sweep, or a cancellation, was first."""
    review = _locked(key)
    if review.count_due is None:
        return False
    return review_sums.count_or_wait(key, review.order)


def _write(key: int, **columns: object) -> None:
    Review.objects.filter(pk=key).update(**columns)


def _locked(key: int) -> Review:
    """Lock the order of a review, and read both after that."""
    # Two queries: a join would lock the review before its order.
    order_key = Review.objects.values_list("order", flat=True).get(pk=key)
    order = Order.objects.select_for_update().get(pk=order_key)
    review = Review.objects.get(pk=key)
    review.order = order
    return review
