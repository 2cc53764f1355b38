"""/metrics for Prometheus: counters of all processes, and the state of the database and the machine."""

import os
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from bills.days import beginning, missed_days
from core import clock
from core.client_address import UNKNOWN, client_address
from ihome_site.health import free_megabytes
from jobs import heartbeat
from payments.models import ComparedBill, Payment, Refund
from payments.staff import work_queue

OPEN_REFUNDS = (Refund.Status.PROPOSED, Refund.Status.DUE, Refund.Status.SENT, Refund.Status.REFUSED)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the watcher alone: by METRICS_TOKEN, or without one on this machine."""
    if not _is_watcher(request):
        raise Http404
    registry = CollectorRegistry()
    registry.register(_State())
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder:
        registry.register(_Processes(Path(folder).parent))
    text = generate_latest(registry) + (b"" if folder else generate_latest(REGISTRY))
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _is_watcher(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}")
    address = client_address(request)
    return address != UNKNOWN and ip_address(address).is_loopback


class _Processes(Collector):
    """Sums of the counters of every process: the site's and the sweep's folders lie beside each other."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in self._parent.glob("*/*.db")]
        return MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]


class _State(Collector):
    """Gauges, read anew for each scrape by questions that have an index."""

    def collect(self) -> Iterator[Metric]:
        try:
            found = [*_of_database()]
        except DatabaseError:
            found = []
        yield _gauge("ihome_database_up", "Whether the database answers", bool(found))
        yield from found
        yield from _of_machine()

    def describe(self) -> list[Metric]:
        return []  # else the registry would collect at once


def _of_database() -> Iterator[Metric]:
    now = timezone.now()
    yield _gauge("ihome_clock_ahead_seconds", "Our clock before the database's", clock.seconds_ahead())
    if beat := heartbeat.last_beat():
        yield _gauge("ihome_sweep_silent_seconds", "Since the sweep's last heartbeat", _age(beat, now))
    due = Payment.objects.filter(next_try_at__lte=now).aggregate(first=Min("next_try_at"))["first"]
    yield _gauge("ihome_sweep_lag_seconds", "Since the oldest question to Alipay was due", _age(due, now))
    yield from _refunds(now)
    lists = {name: len(waiting()) for name, waiting in work_queue.LISTS.items()}
    yield _labelled("ihome_waiting_for_staff", "Items in the work queue", "list", lists)
    yield _gauge("ihome_bills_missing", "Bills that should have been compared", len(missed_days()))
    if day := ComparedBill.objects.aggregate(day=Max("day"))["day"]:
        since = beginning(day) + timedelta(days=1)
        yield _gauge("ihome_bill_age_seconds", "Since the end of the last compared day", _age(since, now))


def _refunds(now: datetime) -> Iterator[Metric]:
    rows = Refund.objects.filter(status__in=OPEN_REFUNDS).order_by().values_list("status")
    found = {status: (count, since) for status, count, since in rows.annotate(Count("pk"), Min("created_at"))}
    counts = {status.value: found.get(status, (0, None))[0] for status in OPEN_REFUNDS}
    ages = {status.value: _age(found.get(status, (0, None))[1], now) for status in OPEN_REFUNDS}
    yield _labelled("ihome_refunds_open", "Refunds that are not over", "status", counts)
    yield _labelled("ihome_refunds_oldest_seconds", "Age of the oldest of them", "status", ages)


def _of_machine() -> Iterator[Metric]:
    yield _gauge("ihome_disk_free_bytes", "Space left for photos", free_megabytes() * 1024 * 1024)
    if settings.LAST_BACKUP_PATH:
        stamp = Path(settings.LAST_BACKUP_PATH)
        made_at = stamp.stat().st_mtime if stamp.exists() else 0.0
        yield _gauge("ihome_backup_age_seconds", "Since the last whole backup", time.time() - made_at)
    if settings.CERTIFICATE_PATH:
        yield _gauge("ihome_certificate_days", "Days until the certificate ends", _days_of_certificate())


def _days_of_certificate() -> float:
    """Return 0 for a certificate that can't be read: somebody must look at it, too."""
    try:
        certificate = x509.load_pem_x509_certificate(Path(settings.CERTIFICATE_PATH).read_bytes())
    except (OSError, ValueError):
        return 0.0
    return (certificate.not_valid_after_utc - timezone.now()) / timedelta(days=1)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _labelled(name: str, help_text: str, label: str, values: dict[str, int] | dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family
