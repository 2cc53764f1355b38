"""The site refuses to start with wrong keys, or with a gateway that would lose or fake money."""

import os
import re
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings as site
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from ihome_site import environment
from payments.alipay import PRODUCTION_GATEWAY, keys
from payments.checks import ALIPAY_TAG

SANDBOX_GATEWAY = "https://openapi-sandbox.dl.alipaydev.com/gateway.do"
STANDIN_GATEWAY = "http://127.0.0.1:8001/gateway.do"


def problems() -> list[str]:
    found = run_checks(tags=[ALIPAY_TAG], include_deployment_checks=True)
    assert all(message.is_serious() for message in found)
    return sorted(message.id for message in found)


@pytest.fixture(scope="session")
def real_keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Our private key and Alipay's public key, without the mark of demo keys."""
    folder = tmp_path_factory.mktemp("keys")
    ours, alipays = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    private, public = folder / "app.pem", folder / "alipay.pem"
    private.write_bytes(ours.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    public.write_bytes(alipays.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def production(settings: Settings, real_keys: tuple[Path, Path]) -> Settings:
    """Settings of a site with real money."""
    settings.DEBUG = settings.REHEARSAL = False
    settings.SITE_URL = "https://ihome.example"
    settings.ALIPAY_GATEWAY_URL = PRODUCTION_GATEWAY
    settings.ALIPAY_APP_ID = "2021000000000001"
    settings.ALIPAY_SELLER_ID = "2088000000000001"
    settings.ALIPAY_APP_PRIVATE_KEY_PATH, settings.ALIPAY_PUBLIC_KEY_PATH = map(str, real_keys)
    return settings


def test_production_as_it_should_be(production: Settings) -> None:
    assert problems() == []


def test_rehearsal_as_it_should_be(settings: Settings, standin_keys: Path) -> None:
    assert settings.REHEARSAL
    for gateway in (STANDIN_GATEWAY, SANDBOX_GATEWAY):
        settings.ALIPAY_GATEWAY_URL = gateway
        assert problems() == []


@pytest.mark.parametrize(
    "gateway",
    [
        PRODUCTION_GATEWAY + "/",
        "https://openapi.alipay.com:443/gateway.do",
        "https://OPENAPI.alipay.com/gateway.do",
        "https://openapi.alipay.com./gateway.do",
        "https://other.alipay.com/gateway.do",
    ],
)
def test_GWX07_production_written_another_way_is_no_rehearsal(settings: Settings, gateway: str) -> None:
    settings.ALIPAY_GATEWAY_URL = gateway
    for rehearsal in (True, False):
        settings.REHEARSAL = rehearsal
        assert "payments.E009" in problems()


@pytest.mark.parametrize("gateway", [SANDBOX_GATEWAY, STANDIN_GATEWAY])
def test_GWX07_another_gateway_in_production(production: Settings, gateway: str) -> None:
    production.ALIPAY_GATEWAY_URL = gateway
    assert problems() == ["payments.E005"]


def test_GWX07_production_gateway_in_a_rehearsal(production: Settings) -> None:
    production.REHEARSAL = True
    assert problems() == ["payments.E006"]


def test_GWX07_sandbox_app_on_the_production_gateway(production: Settings) -> None:
    production.ALIPAY_APP_ID = "9021000122682882"
    assert problems() == ["payments.E007"]


def test_GWX07_demo_keys_on_the_production_gateway(production: Settings, standin_keys: Path) -> None:
    own = production.ALIPAY_APP_PRIVATE_KEY_PATH, production.ALIPAY_PUBLIC_KEY_PATH
    demo = str(standin_keys / "app_private_key.pem"), str(standin_keys / "alipay_public_key.pem")
    for paths in ((demo[0], own[1]), (own[0], demo[1]), demo):
        production.ALIPAY_APP_PRIVATE_KEY_PATH, production.ALIPAY_PUBLIC_KEY_PATH = paths
        assert problems() == ["payments.E013"]


def test_http_site_where_real_money_moves(production: Settings) -> None:
    production.SITE_URL = "http://ihome.example"
    assert problems() == ["payments.E008"]


def test_gateway_that_everybody_on_the_way_can_read(settings: Settings) -> None:
    settings.ALIPAY_GATEWAY_URL = "http://gateway.example/gateway.do"
    assert problems() == ["payments.E004"]


@pytest.mark.parametrize("url", ["", "gateway.do", "ftp://127.0.0.1/", "https://", "//openapi.alipay.com"])
def test_gateway_that_is_no_address(settings: Settings, url: str) -> None:
    settings.ALIPAY_GATEWAY_URL = url
    assert problems() == ["payments.E003"]


@pytest.mark.parametrize("value", ["", "x", "2021 0000", "２０２１", "2021000000000001\n"])
def test_ids_that_are_not_digits(settings: Settings, value: str) -> None:
    settings.ALIPAY_APP_ID = settings.ALIPAY_SELLER_ID = value
    assert problems() == ["payments.E001", "payments.E002"]


def test_GWX08_two_missing_keys_are_both_reported(settings: Settings) -> None:
    settings.ALIPAY_APP_PRIVATE_KEY_PATH = settings.ALIPAY_PUBLIC_KEY_PATH = ""
    assert problems() == ["payments.E010", "payments.E011"]


def test_GWX08_our_own_public_key_as_alipays(settings: Settings, standin_keys: Path) -> None:
    settings.ALIPAY_PUBLIC_KEY_PATH = str(standin_keys / "app_public_key.pem")
    assert problems() == ["payments.E012"]


# --- starting the site in a subprocess ------------------------------------------------------------------


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=site.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "ihome_site.settings", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def boot(**environment: str) -> subprocess.CompletedProcess[str]:
    return run("-c", "import ihome_site.wsgi", **environment)


def refusal(booted: subprocess.CompletedProcess[str], *files: Path) -> str:
    """The output of a refused start; checks that it has no traceback and no line of any key file."""
    assert booted.returncode != 0
    said = booted.stdout + booted.stderr
    assert "The site can't start:" in said
    assert "Traceback" not in said
    for file in files:
        assert not [line for line in file.read_text().split() if len(line) > 20 and line in said]
    return said


def test_wsgi_starts_with_good_keys() -> None:
    booted = boot()
    assert booted.returncode == 0, booted.stderr


def test_GWX08_wsgi_refuses_missing_keys() -> None:
    said = refusal(boot(ALIPAY_APP_PRIVATE_KEY_PATH="", ALIPAY_PUBLIC_KEY_PATH="/nowhere/key.pem"))
    assert "ALIPAY_APP_PRIVATE_KEY_PATH: not set" in said
    assert "ALIPAY_PUBLIC_KEY_PATH: there is no file /nowhere/key.pem" in said


def test_GWX08_wsgi_refuses_a_private_key_that_everybody_can_read(
    tmp_path: Path, real_keys: tuple[Path, Path]
) -> None:
    open_key = tmp_path / "open.pem"
    open_key.write_bytes(real_keys[0].read_bytes())
    open_key.chmod(0o644)
    said = refusal(boot(ALIPAY_APP_PRIVATE_KEY_PATH=str(open_key)), open_key)
    assert f"chmod 600 {open_key}" in said


def test_GWX08_wsgi_refuses_bare_base64(tmp_path: Path, real_keys: tuple[Path, Path]) -> None:
    bare = tmp_path / "bare.pem"
    bare.write_text("".join(real_keys[0].read_text().splitlines()[1:-1]))
    bare.chmod(0o600)
    said = refusal(boot(ALIPAY_APP_PRIVATE_KEY_PATH=str(bare), ALIPAY_PUBLIC_KEY_PATH=str(bare)), bare)
    assert said.count("-----BEGIN … KEY-----") == 2


def test_GWX07_wsgi_refuses_the_standin_in_production() -> None:
    said = refusal(boot(REHEARSAL="0"))
    assert "REHEARSAL=1" in said


@pytest.mark.any_database  # no keys are read, whatever the database
@pytest.mark.django_db  # two of them connect
@pytest.mark.parametrize(
    "command",
    [["check"], ["migrate", "--plan"], ["showmigrations"], ["makemigrations", "--check", "--dry-run"]],
)
def test_other_commands_work_without_keys(command: list[str]) -> None:
    done = run(
        "manage.py",
        *command,
        ALIPAY_APP_PRIVATE_KEY_PATH="",
        ALIPAY_PUBLIC_KEY_PATH="",
        ALIPAY_APP_ID="",
        ALIPAY_GATEWAY_URL="",
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("SECRET_KEY", ""), ("SITE_URL", ""), ("SITE_URL", "ihome.example")],
)
def test_required_settings(name: str, value: str) -> None:
    done = run("-c", "from ihome_site import settings", **{name: value})
    assert done.returncode != 0
    assert name in done.stderr


@pytest.mark.parametrize("key", ["abc", "a" * 60, "only for development", "31-characters-are-one-too-few.."])
def test_S2_a_secret_key_that_can_be_guessed_is_refused(key: str) -> None:
    said = refusal(boot(SECRET_KEY=key))
    assert "SECRET_KEY is too easy to guess" in said


def test_S2_debug_on_a_site_with_https_is_refused() -> None:
    assert "DEBUG=1" in refusal(boot(DEBUG="1", SITE_URL="https://ihome.example"))


def test_S2_debug_behind_a_proxy_is_refused_on_a_site_with_http_too() -> None:
    said = refusal(boot(DEBUG="1", TRUST_PROXY="1", SITE_URL="http://ihome.example"))
    assert "DEBUG=1" in said


@pytest.mark.parametrize(
    ("url", "behind_proxy", "is_public"),
    [
        ("https://localhost", False, True),
        ("http://ihome.example", True, True),
        ("http://192.168.1.2:8000", False, False),
        ("http://localhost:8000", True, False),
        ("http://[::1]:8000", True, False),
    ],
)
def test_S2_sites_that_strangers_can_open(url: str, behind_proxy: bool, is_public: bool) -> None:
    assert environment.is_public(urlsplit(url), behind_proxy=behind_proxy) is is_public


def test_S2_commands_refuse_without_a_traceback() -> None:
    refusal(run("manage.py", "sweep", SECRET_KEY="abc"))
    refusal(run("manage.py", "migrate", SECRET_KEY="abc"))


@pytest.mark.parametrize("name", ["SECRET_KEY", "DEFAULT_FROM_EMAIL", "CONTACT_PHONE", "LOG_LEVEL"])
def test_S2_a_value_that_begins_with_a_dollar_sign_is_taken_as_it_is(name: str) -> None:
    value = "$2b$12$c2VjcmV0IGtleSB0aGF0IGlzIGxvbmcgZW5vdWdo"
    command = f"from ihome_site import settings; print(getattr(settings, '{name}', settings.LOGGING))"
    done = run("-c", command, **{name: value})
    assert value in done.stdout, done.stderr


PASSWORDS = [
    "top?secret",
    "top/secret",
    "top#secret",
    "123/4567",
    "123?4567",
    "top@se/cret",
    "top[secret",
    "%?x",
]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("DATABASE_URL", "mysql://ihome:", "@127.0.0.1:3306/ihome"),
        ("EMAIL_URL", "smtp+tls://ihome:", "@smtp.example:587"),
        ("REDIS_URL", "redis://:", "@127.0.0.1:6379/0"),
    ],
)
def test_S2_a_password_that_cuts_its_url_is_refused_without_a_part_of_it(
    name: str, before: str, after: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {
        "DATABASE_URL": lambda: environment.database(""),
        "EMAIL_URL": lambda: environment.mail(""),
        "REDIS_URL": environment.redis,
    }[name]
    monkeypatch.setenv(name, before + password + after)
    with pytest.raises(ImproperlyConfigured, match=f"{name} can't be read.*%3F") as refused:
        read()
    shown = "".join(traceback.format_exception(refused.value))
    assert not [part for part in re.split(r"[?/#@\[]", password) if len(part) > 2 and part in shown]
    monkeypatch.setenv(name, before + quote(password, safe="") + after)
    read()


def test_S2_a_password_with_a_question_mark_prints_no_traceback() -> None:
    said = refusal(boot(DATABASE_URL="mysql://ihome:top?secret@127.0.0.1/ihome"))
    assert "DATABASE_URL can't be read" in said
    assert "top" not in said


@pytest.mark.parametrize(
    "url",
    ["mysql://ihome:secret@127.0.0.1/", "mysq://ihome:secret@h/ihome", "//ihome:secret@h/ihome", "ihome"],
)
@pytest.mark.filterwarnings("error")
def test_S2_an_address_of_no_database_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is not the address") as refused:
        environment.database("")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "label"),
    [(PrivateFormat.PKCS8, "RSA PRIVATE KEY"), (PrivateFormat.TraditionalOpenSSL, "PRIVATE KEY")],
)
def test_S2_the_label_of_another_format_around_a_private_key_is_named(
    written: PrivateFormat, label: str, tmp_path: Path, real_keys: tuple[Path, Path]
) -> None:
    key = load_pem_private_key(real_keys[0].read_bytes(), password=None)
    lines = key.private_bytes(Encoding.PEM, written, NoEncryption()).decode().splitlines()
    right = lines[0].strip("-").removeprefix("BEGIN ")
    mislabelled = tmp_path / "app.pem"
    mislabelled.touch(mode=0o600)
    mislabelled.write_text("\n".join([f"-----BEGIN {label}-----", *lines[1:-1], f"-----END {label}-----"]))
    with pytest.raises(keys.KeyProblem, match=f"-----BEGIN {right}-----"):
        keys.load_private_key(str(mislabelled))


def test_S2_the_label_of_another_format_around_a_public_key_is_named(
    tmp_path: Path, real_keys: tuple[Path, Path]
) -> None:
    key = load_pem_public_key(real_keys[1].read_bytes())
    pem = key.public_bytes(Encoding.PEM, PublicFormat.PKCS1).replace(b"RSA PUBLIC", b"PUBLIC")
    mislabelled = tmp_path / "alipay.pem"
    mislabelled.write_bytes(pem)
    with pytest.raises(keys.KeyProblem, match="-----BEGIN RSA PUBLIC KEY-----"):
        keys.load_public_keys(str(mislabelled))


@pytest.mark.parametrize(
    "gateway",
    [
        "https://openapi.alipay。com/gateway.do",
        "https://openapi.ａlipay.com/gateway.do",
        "https://openapi%2ealipay.com/gateway.do",
        "https://openapi.al%69pay.com/gateway.do",
        "https://openapi.alipay.com\\@localhost/gateway.do",
        "https://user@openapi.alipay.com/gateway.do",
        "https://openapi.ali\u00adpay.com/gateway.do",
        "https://[::1/gateway.do",
    ],
)
def test_GWX07_a_url_that_only_browsers_parse_as_alipay_is_refused(settings: Settings, gateway: str) -> None:
    settings.ALIPAY_GATEWAY_URL = gateway
    assert problems() == ["payments.E003"]
