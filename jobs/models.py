from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """Last heartbeat of a process, which /readyz checks, or last claim of a periodic task."""

    name = models.CharField(max_length=20, primary_key=True)
    beat_at = models.DateTimeField()

    class Meta:
        db_table = "payments_heartbeat"  # its name before jobs/ was an app

    def __str__(self) -> str:
        return self.name


class ToldChoice(models.Model):
    """Kinds of news that staff chose to be mailed. Without a row, the defaults of staff_news.py."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="told_choice")
    kinds = models.CharField(max_length=100, blank=True)
    """Names of staff_news.KINDS with blanks between them."""

    class Meta:
        verbose_name = _("choice of news")
        verbose_name_plural = _("choices of news")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.kinds}"


class StaffMail(models.Model):
    """An event of which a member of staff is told once. Also the outbox: see staff_mail.py."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    event = models.CharField(max_length=60)
    """Such as `accept 12`. Unique for each person."""
    kind = models.CharField(max_length=12)
    about = models.CharField(max_length=80)
    path = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)
    mail_due_at = models.DateTimeField(null=True, default=timezone.now)
    """Next try. Empty once it is mailed, given up, or no longer theirs to see."""

    class Meta:
        verbose_name = _("mail to staff")
        verbose_name_plural = _("mails to staff")
        constraints = [models.UniqueConstraint(fields=["user", "event"], name="told_once")]
        indexes = [models.Index(fields=["mail_due_at"], name="staff_mail_due")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.event}"
