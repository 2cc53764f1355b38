"""OPS01: /readyz reports a sweep that is not running."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from jobs import heartbeat
from jobs.sweep import sweep_once
from tests import make


@pytest.fixture(autouse=True)
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_last_beat", {})
    monkeypatch.setattr("core.clock.seconds_ahead", lambda: 0.0)  # only ours is moved


def ready(client: Client, **later: float) -> tuple[int, str]:
    with time_machine.travel(timezone.now() + timedelta(**later)):
        answer = client.get("/readyz")
    return answer.status_code, answer.content.decode()


def test_OPS01_a_stopped_sweep_is_reported_within_two_minutes(db: None, client: Client) -> None:
    sweep_once()
    assert ready(client) == (200, "ok\n")
    assert ready(client, seconds=70) == (200, "ok\n")  # cron starts one every minute
    status, text = ready(client, minutes=2)
    assert status == 503
    assert text.startswith("sweep: not at work since ")


def test_OPS01_it_is_ready_again_after_a_sweep(db: None, client: Client) -> None:
    sweep_once()
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert ready(client)[0] == 503
        heartbeat._last_beat.clear()
        sweep_once()
        assert ready(client)[0] == 200


def test_OPS01_if_no_sweep_ever_ran_it_is_missed_once_a_poll_is_overdue(db: None, client: Client) -> None:
    assert ready(client, days=9)[0] == 200
    make.attempt(next_try_at=timezone.now() + timedelta(seconds=15))
    assert ready(client)[0] == 200
    assert ready(client, minutes=3)[0] == 503


def test_a_busy_sweep_writes_its_beat_every_ten_seconds_at_most(
    db: None, django_assert_num_queries: object
) -> None:
    heartbeat.beat(heartbeat.SWEEP)
    with django_assert_num_queries(0):
        heartbeat.beat(heartbeat.SWEEP)


def test_a_claim_succeeds_once_in_its_interval(db: None) -> None:
    hour = timedelta(hours=1)
    assert [heartbeat.claim("x", every=hour) for _ in range(3)] == [True, False, False]
    with time_machine.travel(timezone.now() + hour):
        assert [heartbeat.claim("x", every=hour) for _ in range(2)] == [True, False]
