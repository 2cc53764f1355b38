from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.staff_notes import StaffNote


class UserNote(StaffNote):
    """A note of staff about a renter, shown with each of the renter's orders. Goes with the account."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notes", verbose_name=_("user")
    )

    class Meta(StaffNote.Meta):
        verbose_name = _("note on a user")
        verbose_name_plural = _("notes on users")
