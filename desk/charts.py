"""Bar charts as the server draws them: the template turns them into SVG without scripts or styles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext

from core.templatetags.ihome import day as day_in_text

WIDTH, HEIGHT = 1000, 100
GAP = 0.2
"""Share of a bar's place that stays empty."""
MOST_BARS = 62


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str
    is_tint: bool = False


@dataclass(frozen=True)
class Chart:
    name: str
    title: str
    description: str
    bars: Sequence[Bar]
    top: str
    first: str
    last: str
    heads: Sequence[str | Promise]
    rows: Sequence[tuple[str, Sequence[str]]]
    """For the table: the label of a group of days, and a text for each head."""


Series = tuple[str | Promise, Sequence[int]]


def chart_of(
    name: str, title: str, days: Sequence[date], series: Sequence[Series], show: Callable[[int], str]
) -> Chart:
    """Draw a bar for each day, or for seven days where there are many. The second series is the tint."""
    step = 1 if len(days) <= MOST_BARS else 7
    groups = [days[at : at + step] for at in range(0, len(days), step)]
    sums = [[sum(values[at : at + step]) for at in range(0, len(days), step)] for _head, values in series]
    labels = [_label(group) for group in groups]
    top = max((value for values in sums for value in values), default=0)
    return Chart(
        name=name,
        title=title,
        description=_described(labels, series, sums, show),
        bars=_bars(labels, sums, top, show),
        top=show(top),
        first=day_in_text(days[0]),
        last=day_in_text(days[-1]),
        heads=[head for head, _values in series],
        rows=[(label, [show(values[at]) for values in sums]) for at, label in enumerate(labels)],
    )


def _label(group: Sequence[date]) -> str:
    first, last = day_in_text(group[0]), day_in_text(group[-1])
    return first if len(group) == 1 else f"{first} – {last}"


def _bars(
    labels: Sequence[str], sums: Sequence[Sequence[int]], top: int, show: Callable[[int], str]
) -> list[Bar]:
    place = WIDTH / max(1, len(labels))
    width = place * (1 - GAP) / len(sums)
    return [
        Bar(
            x=round(at * place + place * GAP / 2 + nth * width, 2),
            y=round(HEIGHT - HEIGHT * value / top, 2),
            width=round(width, 2),
            height=round(HEIGHT * value / top, 2),
            label=f"{labels[at]}: {show(value)}",
            is_tint=nth > 0,
        )
        for nth, values in enumerate(sums)
        for at, value in enumerate(values)
        if value > 0
    ]


def _described(
    labels: Sequence[str],
    series: Sequence[Series],
    sums: Sequence[Sequence[int]],
    show: Callable[[int], str],
) -> str:
    """Say in words what the bars show: the sum and the highest of each series."""
    sentences = []
    for (head, values), grouped in zip(series, sums, strict=True):
        most = max(range(len(grouped)), key=grouped.__getitem__)
        text = gettext("%(name)s: %(sum)s in all, most on %(day)s with %(most)s.")
        sentences.append(
            text % {"name": head, "sum": show(sum(values)), "day": labels[most], "most": show(grouped[most])}
        )
    return " ".join(sentences)


def duration_in_text(length: timedelta | None) -> str:
    """Say a length of time in its largest fitting unit, `2.5 days`; empty for None."""
    if length is None:
        return ""
    seconds = length.total_seconds()
    if seconds < 2 * 3600:
        return gettext("%(count)d min") % {"count": round(seconds / 60)}
    if seconds < 2 * 24 * 3600:
        return gettext("%(count).1f h") % {"count": seconds / 3600}
    return gettext("%(count).1f days") % {"count": seconds / 24 / 3600}
