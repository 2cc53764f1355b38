"""Containerfile and compose.yaml have the parts of the units. No engine runs them here."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings as site

ROOT = Path(site.BASE_DIR)
UNITS = ROOT / "deploy" / "systemd"
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


def directive(unit: str, name: str) -> str:
    found = re.findall(rf"^{name}=(.*)$", (UNITS / unit).read_text(encoding="utf-8"), re.MULTILINE)
    return found[-1] if found else ""


@pytest.mark.parametrize(
    "service, unit",
    [
        ("site", "ihome"),
        ("sweep", "ihome-sweep"),
        ("watch", "ihome-watch"),
        ("check", "ihome-check"),
        ("bill", "ihome-bill"),
    ],
)
def test_a_container_runs_what_its_unit_runs(service: str, unit: str) -> None:
    command = directive(f"{unit}.service", "ExecStart").replace("127.0.0.1:8000", "0.0.0.0:8000")
    container = SERVICES[service]
    assert " ".join(container["command"]) == command
    assert container["mem_limit"].upper() == directive(f"{unit}.service", "MemoryMax")
    assert (container["read_only"], container["cap_drop"]) == (True, ["ALL"])


@pytest.mark.parametrize(("service", "unit"), [("site", "ihome"), ("sweep", "ihome-sweep")])
def test_all_processes_count_in_one_folder_that_metrics_reads(service: str, unit: str) -> None:
    (name, folder), *others = SERVICES[service]["environment"].items()
    assert (f"{name}={folder}", others) == (directive(f"{unit}.service", "Environment"), [])
    assert "metrics:/run/ihome" in SERVICES[service]["volumes"]
    assert folder in CONTAINERFILE  # owned by the user of the image


def test_the_image_runs_the_site_unless_told_otherwise() -> None:
    (command,) = re.findall(r"^CMD (.+)$", CONTAINERFILE, re.MULTILINE)
    assert yaml.safe_load(command) == SERVICES["site"]["command"]
    assert re.search(r"^USER ihome$", CONTAINERFILE, re.MULTILINE)


def test_the_image_is_built_with_what_server_sh_installs() -> None:
    server = (ROOT / "deploy/server.sh").read_text(encoding="utf-8")
    (packages,) = re.findall(r"^packages=\((.*?)\)", server, re.MULTILINE | re.DOTALL)
    build = CONTAINERFILE.split("\nFROM ")[1]
    (installed,) = re.findall(r"--no-install-recommends (.+?) \\", build)
    assert set(installed.split()) <= set(packages.split())
    assert "-r requirements.txt" in build


def test_the_database_is_as_safe_as_on_a_server() -> None:
    given = {each.lstrip("-") for each in SERVICES["database"]["command"]}
    lines = (ROOT / "deploy/etc/mariadb.cnf").read_text(encoding="utf-8").splitlines()
    on_server = {re.sub(r"\s*=\s*", "=", line) for line in lines}
    assert given <= on_server, given - on_server


def test_no_secret_gets_into_the_image() -> None:
    left_out = (ROOT / ".containerignore").read_text(encoding="utf-8").split()
    assert {".git", ".env", ".demo", ".server-test", "media", "**/*.pem"} <= set(left_out)
