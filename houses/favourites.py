"""Homes that a renter keeps: the heart on cards and pages, and the page 我的收藏."""

from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from core.refusal import Refusal
from core.transactions import durable_transaction

MOST = 200
"""Favourites of one renter."""


class Favourite(models.Model):
    """A home that a renter keeps. The account that is closed loses them."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="favourites", verbose_name=_("renter")
    )
    house = models.ForeignKey(
        "houses.House", models.CASCADE, related_name="favourites", verbose_name=_("house")
    )
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("favourite")
        verbose_name_plural = _("favourites")
        default_permissions = ()  # only their renter sees them
        constraints = [models.UniqueConstraint(fields=["user", "house"], name="one_heart_per_home")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.house_id}"


@durable_transaction
def keep(user: User, house_pk: int) -> None:
    """Add a home, unless it is there already. Raises Refusal above MOST.

    The lock makes two presses at once wait for each other, and closing the account for them.
    """
    owner = _locked(user)
    if not owner.is_active or owner.favourites.filter(house=house_pk).exists():
        return
    if _count(owner) >= MOST:
        sentence = ngettext(
            "You can save up to %(count)d favourite. Remove one to add another.",
            "You can save up to %(count)d favourites. Remove one to add another.",
            MOST,
        )
        raise Refusal(sentence % {"count": MOST})
    owner.favourites.create(house_id=house_pk)


def _locked(user: User) -> User:
    return User.objects.select_for_update().get(pk=user.pk)


def _count(owner: User) -> int:
    return owner.favourites.count()


def drop(user: User, house_pk: int) -> None:
    """Remove a home. Does nothing if it isn't there."""
    user.favourites.filter(house=house_pk).delete()


def kept_by(user: object, houses: Iterable[int]) -> set[int]:
    """Return which of these homes the visitor keeps. One query; none for anonymous visitors."""
    if not isinstance(user, User):  # request.user may be lazy: isinstance() looks through it
        return set()
    return set(user.favourites.filter(house__in=houses).values_list("house_id", flat=True))


def newest_first(user: User) -> list[int]:
    """Return the homes that the renter keeps."""
    return list(user.favourites.order_by("-pk").values_list("house_id", flat=True))
