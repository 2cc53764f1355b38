"""Mails to staff about what waits for them. Rows of StaffMail are the outbox, one for each person and event.

Their unique key makes any number of sweeps tell each person once. core/outbox.py claims and sends.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import User
from core.links import absolute_url
from core.mail import NO_AUTOMATIC_REPLY
from core.outbox import claim, sent
from jobs import heartbeat, staff_news
from jobs.models import StaffMail
from jobs.staff_news import KINDS, News

EVERY = timedelta(seconds=50)
"""Cron starts a sweep every minute."""
KEPT = timedelta(days=183)


def due() -> list[int]:
    """Write the rows for what is new, once a minute, and return the accounts with mail to send now."""
    if heartbeat.claim("staff news", every=EVERY):
        write_new()
    rows = StaffMail.objects.filter(mail_due_at__lte=timezone.now())
    return list(rows.order_by("user").values_list("user", flat=True).distinct())


def write_new() -> None:
    people = [(user, staff_news.chosen(user)) for user in staff_news.recipients()]
    for name, kind in KINDS.items():
        told = [user for user, kinds in people if name in kinds]
        if told:
            write(name, list(kind.news()), told)


def write(kind: str, news: list[News], people: list[User]) -> None:
    """Write a row for each person and event that has none."""
    events = [each.event for each in news]
    written = StaffMail.objects.filter(event__in=events, user__in=people)
    there = set(written.values_list("user", "event"))
    rows = [
        StaffMail(user=user, event=each.event, kind=kind, about=each.about, path=each.path)
        for user in people
        for each in news
        if (user.pk, each.event) not in there
    ]
    StaffMail.objects.bulk_create(rows, ignore_conflicts=True)  # another sweep may be writing them, too


def note_silence(since: datetime) -> None:
    """Write that the sweep is, or was, silent: `manage.py watch` does, and a sweep that begins again."""
    people = [user for user in staff_news.recipients() if "silent" in staff_news.chosen(user)]
    text = f"{timezone.localtime(since):%Y-%m-%d %H:%M}"
    write("silent", [News(f"sweep {text}", text, reverse("admin:index"))], people)


def tell_silence(since: datetime) -> int:
    """Mail that sweep or bills are silent, in place of the sweep. Returns the number of events mailed.

    The sweep that begins again writes the same event, so each person is told once.
    """
    note_silence(since)
    people = [user for user in staff_news.recipients() if "silent" in staff_news.chosen(user)]
    write("silent", list(KINDS["silent"].news()), people)
    due = StaffMail.objects.filter(kind="silent", mail_due_at__lte=timezone.now())
    return sum(send(key) for key in list(due.order_by("user").values_list("user", flat=True).distinct()))


def send(user_key: int) -> int:
    """Mail somebody all that is due to them, in one mail. Returns the number of events mailed."""
    now = timezone.now()
    rows = StaffMail.objects.filter(user=user_key, mail_due_at__lte=now).order_by("id")
    claimed = [row for row in rows[: staff_news.AT_ONCE] if claim(row)]
    if not claimed:
        return 0
    user = User.objects.select_related("told_choice").get(pk=user_key)
    kinds = staff_news.chosen(user) if user.email and user.email_verified_at else set()
    told = [row for row in claimed if row.kind in kinds]
    if told and not sent(_message(told, user)):
        return 0
    StaffMail.objects.filter(pk__in=[row.pk for row in claimed]).update(mail_due_at=None)
    return len(told)


def _message(rows: list[StaffMail], user: User) -> EmailMessage:
    with translation.override(settings.LANGUAGE_CODE):
        lines = [(KINDS[row.kind].title, row.about, f"{settings.SITE_URL}{row.path}") for row in rows]
        url = absolute_url("admin:told")
        body = render_to_string("jobs/staff_mail.txt", {"lines": lines, "url": url})
        subject = _("ihome admin: %(event)s") % {"event": lines[0][0]}
    return EmailMessage(subject, body, to=[user.email], headers=NO_AUTOMATIC_REPLY)


def delete_old() -> int:
    return StaffMail.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
