"""deploy/watch: each alarm is in the runbook, and each metric that is named is one of ours."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings as site
from django.test import Client
from prometheus_client.metrics import MetricWrapperBase

from core import metrics
from tests.test_deploy import PATH
from tests.test_metrics import scrape

WATCH = Path(site.BASE_DIR) / "deploy" / "watch"
RUNBOOK = (Path(site.BASE_DIR) / "docs" / "runbook.md").read_text(encoding="utf-8")
PROMTOOL = shutil.which("promtool", path=PATH) or ""
[GROUP] = yaml.safe_load((WATCH / "alerts.yml").read_text(encoding="utf-8"))["groups"]
RULES: list[dict[str, Any]] = GROUP["rules"]
PANELS: list[dict[str, Any]] = json.loads((WATCH / "dashboard.json").read_text(encoding="utf-8"))["panels"]
NAME = re.compile(r"\bihome_\w+")


def test_each_alarm_has_its_part_of_the_runbook_and_the_other_way_round() -> None:
    alarms = [rule["alert"] for rule in RULES]
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == alarms
    assert len(set(alarms)) == len(alarms)
    assert {rule["labels"]["severity"] for rule in RULES} == {"page", "ticket"}
    assert all(rule["annotations"]["summary"] for rule in RULES)


def test_links_of_the_runbook_lead_somewhere() -> None:
    operations = (Path(site.BASE_DIR) / "docs" / "operations.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", operations, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\(operations\.md#([\w-]+)\)", RUNBOOK)) <= anchors
    assert set(re.findall(r"\(#(\w+)\)", RUNBOOK)) <= {rule["alert"].lower() for rule in RULES}


@pytest.mark.django_db
@pytest.mark.any_database
def test_alarms_and_dashboard_name_metrics_of_ours(client: Client) -> None:
    counters = [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]
    ours = {family.name for counter in counters for family in counter.collect()}
    ours |= {name for name, _labels in scrape(client)}
    ours |= {"ihome_sweep_silent_seconds", "ihome_bill_age_seconds"}  # once a sweep, or a comparison, ran
    ours |= {"ihome_backup_age_seconds", "ihome_certificate_days"}  # where their settings are set
    expressions = [rule["expr"] for rule in RULES]
    expressions += [target["expr"] for panel in PANELS for target in panel["targets"]]
    named = {name for text in expressions for name in NAME.findall(text)}
    assert len(named) > 15
    assert {re.sub(r"_(total|count|bucket|sum)$", "", name) for name in named} <= ours


def test_panels_have_places_of_their_own() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(PANELS) == len({panel["id"] for panel in PANELS})


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_accepts_the_rules() -> None:
    done = subprocess.run([PROMTOOL, "check", "rules", WATCH / "alerts.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_accepts_the_job(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch()
    job = (WATCH / "prometheus.yml").read_text(encoding="utf-8")
    (tmp_path / "prometheus.yml").write_text(job.replace("/etc/prometheus/ihome-token", str(token)))
    shutil.copy(WATCH / "alerts.yml", tmp_path)
    command = [PROMTOOL, "check", "config", tmp_path / "prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
