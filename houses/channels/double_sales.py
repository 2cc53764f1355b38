"""Rows of nights that were sold twice: opened, kept up to date, and closed when one side gives them up."""

from collections.abc import Mapping
from datetime import date

from django.utils import timezone
from django.utils.translation import gettext

from houses.channels.models import DoubleSale, nights_in, text_of
from houses.channels.nights import Clash
from houses.models import House


def record(house: House, clashes: Mapping[Clash, set[date]], names: Mapping[int, str]) -> None:
    """Make the open rows of a house those of `clashes`. Call it with the house locked.

    A clash that staff have resolved stays so for the same nights; further nights make a new row. Nights that
    are over stay in theirs until staff have resolved it.
    """
    today = timezone.localdate()
    rows = list(DoubleSale.objects.filter(house=house, calendar__in=list(names)))
    for clash, nights in clashes.items():
        same = [row for row in rows if _is_of(row, clash, names)]
        known = {night for row in same for night in nights_in(row.nights)}
        still_open = next((row for row in same if row.done_at is None), None)
        if still_open:
            _keep(still_open, nights | _until(today, still_open))
            rows.remove(still_open)
        elif not nights <= known:
            _open(house, clash, text_of(nights), names)
    for row in rows:
        if row.done_at is None and nights_in(row.nights) - _until(today, row):
            _close(row)


def _until(today: date, row: DoubleSale) -> set[date]:
    return {night for night in nights_in(row.nights) if night < today}


def _is_of(row: DoubleSale, clash: Clash, names: Mapping[int, str]) -> bool:
    holder = (clash.holder.order_number, names.get(clash.holder.calendar or 0, ""))
    return row.calendar_id == clash.calendar and (row.order_number, row.other_channel) == holder


def _open(house: House, clash: Clash, nights: str, names: Mapping[int, str]) -> None:
    DoubleSale.objects.create(
        house=house,
        calendar_id=clash.calendar,
        channel=names[clash.calendar],
        order_number=clash.holder.order_number,
        other_channel=names.get(clash.holder.calendar or 0, ""),
        nights=nights,
    )


def _keep(row: DoubleSale, nights: set[date]) -> None:
    if nights_in(row.nights) != nights:
        DoubleSale.objects.filter(pk=row.pk, done_at=None).update(nights=text_of(nights))


def _close(row: DoubleSale) -> None:
    """Close a row whose nights one of both has given up."""
    still_open = DoubleSale.objects.filter(pk=row.pk, done_at=None)
    still_open.update(done_at=timezone.now(), outcome=gettext("No longer sold twice."))
