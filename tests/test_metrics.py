"""/metrics: the watcher alone sees it, and it tells what happened and how things stand."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from ihome_site import metrics
from jobs import heartbeat
from jobs.sweep import sweep_once
from payments.models import Payment, Refund
from tests import alipay, make
from tests.alipay import NOTIFY, Gateway
from tests.test_deploy import make_certificate

FORM = "application/x-www-form-urlencoded; charset=utf-8"

pytestmark = pytest.mark.django_db


def scraped(text: str) -> dict[tuple[str, str], float]:
    """Return each sample by its name and the values of its labels."""
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(client: Client) -> dict[tuple[str, str], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return scraped(answer.content.decode())


@pytest.fixture
def counted() -> Callable[..., float]:
    """Return by how much a counter has grown since the test began."""
    before = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
    }

    def grown(name: str, **labels: str) -> float:
        now = REGISTRY.get_sample_value(name, labels) or 0.0
        return now - before.get((name, *sorted(labels.items())), 0.0)

    return grown


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("", {}, 200),  # on this machine
        ("", {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("t0ken", {}, 404),
        ("t0ken", {"Authorization": "Bearer wrong"}, 404),
        ("t0ken", {"Authorization": "Bearer t0ken", "X-Forwarded-For": "203.0.113.9"}, 200),
    ],
)
def test_the_watcher_alone_sees_the_metrics(
    client: Client, settings: Settings, token: str, headers: dict[str, str], status: int
) -> None:
    settings.TRUST_PROXY, settings.METRICS_TOKEN = True, token
    assert client.get("/metrics", headers=headers).status_code == status


def test_requests_are_counted_by_view_and_class(client: Client, counted: Callable[..., float]) -> None:
    client.get("/livez")
    client.get("/livez")
    client.post("/livez")
    client.get("/none/of/ours")
    assert counted("ihome_requests_total", view="livez", status="2xx") == 2
    assert counted("ihome_requests_total", view="livez", status="4xx") == 1
    assert counted("ihome_requests_total", view="none", status="4xx") == 1


def test_a_settlement_is_counted_once_with_its_delay(counted: Callable[..., float]) -> None:
    body = alipay.notify_body(make.attempt())
    for _ in range(2):
        assert Client().post(NOTIFY, body, FORM).content == b"success"
    assert counted("ihome_settlement_delay_seconds_count", channel="NOTIFY") == 1
    assert counted("ihome_messages_total", verdict="SETTLED") == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"a=1&a=2", "duplicate"),
        (b"sign_type=RSA2&charset=utf-8&sign=eA==&a=1", "signature"),
        (b"sign_type=RSA", "sign_type"),
    ],
)
def test_rejected_messages_are_counted_by_reasons_of_ours(
    counted: Callable[..., float], body: bytes, reason: str
) -> None:
    Client().post(NOTIFY, body, FORM)
    assert counted("ihome_messages_rejected_total", channel="NOTIFY", reason=reason) == 1


def test_calls_rounds_and_items_are_counted(gateway: Gateway, counted: Callable[..., float]) -> None:
    payment = make.attempt(next_try_at=timezone.now())
    gateway.says["query"] = alipay.paid(payment)
    sweep_once()
    assert counted("ihome_gateway_seconds_count", method="alipay.trade.query", result="Paid") == 1
    assert counted("ihome_sweep_rounds_total") == 1
    assert counted("ihome_sweep_items_total", task="polled") == 1


def test_the_state_of_refunds_sweep_and_lists(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_last_beat", {})
    sweep_once()
    payment = make.attempt(
        status=Payment.Status.PAID, received_fen=30000, trade_no="1", paid_at=timezone.now()
    )
    refund = Refund.objects.create(
        payment=payment, amount_fen=100, status=Refund.Status.REFUSED, out_request_no="x", reason="STAFF"
    )
    Refund.objects.filter(pk=refund.pk).update(created_at=timezone.now() - timedelta(hours=1))
    make.attempt(next_try_at=timezone.now() - timedelta(minutes=5))
    found = scrape(client)
    assert found["ihome_database_up", ""] == 1
    assert found["ihome_refunds_open", "REFUSED"] >= 1
    assert found["ihome_refunds_oldest_seconds", "REFUSED"] >= 3600
    assert found["ihome_waiting_for_staff", "refunds"] >= 1
    assert ("ihome_waiting_for_staff", "double sales") in found
    assert found["ihome_sweep_silent_seconds", ""] < 60
    assert found["ihome_sweep_lag_seconds", ""] >= 300
    assert abs(found["ihome_clock_ahead_seconds", ""]) < 30
    assert found["ihome_disk_free_bytes", ""] > 0


def test_the_number_of_questions_does_not_grow(
    client: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    with django_assert_max_num_queries(15):
        scrape(client)


def test_without_the_database_the_machine_is_still_seen(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OperationalError(2002, "Can't connect")

    monkeypatch.setattr("core.clock.seconds_ahead", fail)
    found = scrape(client)
    assert found["ihome_database_up", ""] == 0
    assert ("ihome_sweep_silent_seconds", "") not in found
    assert found["ihome_disk_free_bytes", ""] > 0


def test_the_age_of_the_backup_and_the_days_of_the_certificate(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    stamp = tmp_path / "last-backup"
    settings.LAST_BACKUP_PATH, settings.CERTIFICATE_PATH = str(stamp), str(make_certificate(tmp_path))
    assert scrape(client)["ihome_backup_age_seconds", ""] > 1_000_000_000  # never
    stamp.touch()
    found = scrape(client)
    assert found["ihome_backup_age_seconds", ""] < 60
    assert 0.9 < found["ihome_certificate_days", ""] < 1.1
    (tmp_path / "certificate.pem").write_text("broken")
    assert scrape(client)["ihome_certificate_days", ""] == 0


def test_counts_of_all_processes_are_added_up(tmp_path: Path) -> None:
    for folder in ("site", "sweep"):
        (tmp_path / folder).mkdir()
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / folder)}
        count = "from core import metrics; metrics.count_request('livez', 200); metrics.ROUNDS.inc()"
        for _ in range(2):
            subprocess.run([sys.executable, "-c", count], cwd=site.BASE_DIR, env=environment, check=True)
    found = {
        (sample.name, sample.labels.get("view")): sample.value
        for family in metrics._Processes(tmp_path).collect()
        for sample in family.samples
    }
    assert found["ihome_requests_total", "livez"] == 4
    assert found["ihome_sweep_rounds_total", None] == 4
