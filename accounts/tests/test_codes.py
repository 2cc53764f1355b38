"""Codes by SMS: guessed, sent too often, used twice. ACC01, ACC02, ACC05."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
import time_machine
from django.conf import settings as site
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone, translation
from pytest_django import Settings

from accounts import codes, devices, sms
from accounts.codes import Purpose
from core.refusal import Refusal
from tests import make
from tests.races import at_once, count_without_comparing

pytestmark = pytest.mark.django_db

MOBILE = "13912345678"
SIGN_IN = Purpose.SIGN_IN


@pytest.fixture(autouse=True)
def english() -> object:
    with translation.override("en"):
        yield


def request(address: str = "198.51.100.1") -> HttpRequest:
    return RequestFactory().post("/", REMOTE_ADDR=address)


class Sent(NamedTuple):
    proof: str
    shown: str


def ask(mobile: str = MOBILE, address: str = "198.51.100.1", purpose: Purpose = SIGN_IN) -> Sent:
    proof = codes.send(request(address), purpose, mobile)
    return Sent(proof, codes.shown(proof))


def refusal(act: Callable[[], object]) -> str:
    """Return what the act was refused with; empty if it was done."""
    try:
        with translation.override("en"):  # threads begin in Chinese
            act()
    except Refusal as refused:
        return str(refused)
    except ValidationError as refused:
        return refused.messages[0]
    return ""


def guess(sent: Sent, typed: str = "", address: str = "198.51.100.1", purpose: Purpose = SIGN_IN) -> str:
    wrong = f"{(int(sent.shown) + 1) % 10**6:06}"
    return refusal(lambda: codes.check(request(address), purpose, MOBILE, sent.proof, typed or wrong))


# --- the right code -----------------------------------------------------------------------------------


def test_the_right_code_is_taken_until_it_is_used() -> None:
    sent = ask()
    for _ in range(5):  # a form may come back for another field
        assert guess(sent, sent.shown) == ""
    codes.use(SIGN_IN, MOBILE, sent.proof)
    assert refusal(lambda: codes.use(SIGN_IN, MOBILE, sent.proof)).startswith("This code has been used.")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ACC01_a_code_is_used_once_by_twenty_at_once() -> None:
    sent = ask()
    answers = at_once(*[lambda: refusal(lambda: codes.use(SIGN_IN, MOBILE, sent.proof))] * 20)
    assert answers.count("") == 1


def test_a_code_expires_after_ten_minutes() -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        sent = ask()
    with time_machine.travel(now + timedelta(minutes=9, seconds=59), tick=False):
        assert guess(sent, sent.shown) == ""
    with time_machine.travel(now + timedelta(minutes=10, seconds=1), tick=False):
        assert guess(sent, sent.shown) == "This code has expired. Ask for a new one."


def test_ACC02_a_code_is_for_one_number_and_one_purpose() -> None:
    sent = ask()
    others = (
        lambda: codes.check(request(), SIGN_IN, "13987654321", sent.proof, sent.shown),
        lambda: codes.check(request(), Purpose.RESET, MOBILE, sent.proof, sent.shown),
    )
    for other in others:
        assert refusal(other) == "The code was sent to another number. Ask for a new one."
    assert refusal(lambda: codes.check(request(), SIGN_IN, MOBILE, "x:y:z", sent.shown)).startswith(
        "This code"
    )


def test_the_proof_does_not_contain_the_code() -> None:
    sent = ask()
    assert len(sent.shown) == 6
    assert sent.shown not in sent.proof


# --- wrong codes --------------------------------------------------------------------------------------


def test_ACC01_a_code_bears_three_wrong_tries_then_not_even_the_right_one() -> None:
    sent = ask()
    assert [guess(sent, address=f"203.0.113.{n}") for n in range(3)] == ["Wrong code. Please try again."] * 3
    assert guess(sent, sent.shown) == "Too many wrong codes. Ask for a new one."


def test_ACC01_one_address_is_paused_after_ten_wrong_codes() -> None:
    answers = []
    for n in range(5):
        sent = ask(f"1391234000{n}", f"203.0.113.{n}")
        for _ in range(3):
            check = lambda sent=sent, n=n: codes.check(request(), SIGN_IN, f"1391234000{n}", sent.proof, "x")  # noqa: E731
            answers.append(refusal(check))
    assert answers[:10] == ["Wrong code. Please try again."] * 10
    assert all(answer.startswith("Too many wrong codes. Try again at ") for answer in answers[10:])


def test_ACC01_others_can_not_use_up_the_tries_of_the_owner() -> None:
    own = ask()
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        stranger = ask(address="203.0.113.1")
        for n in range(9):
            guess(stranger, address=f"203.0.113.{n}")
        assert guess(own, own.shown) == ""


def test_ACC01_two_hundred_addresses_get_nine_tries_at_a_number_in_a_quarter_of_an_hour() -> None:
    wrong = 0
    now = timezone.now()
    for n in range(200):
        with time_machine.travel(now + timedelta(seconds=4 * n), tick=False):
            if not refusal(lambda n=n: ask(address=f"203.0.113.{n}")):
                sent = Sent(codes.signing.dumps([SIGN_IN, MOBILE, str(n)], salt=codes.SALT), "0")
                wrong += sum("Wrong code" in guess(sent, "x", f"198.18.{n}.{m}") for m in range(5))
    assert wrong == 9


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ACC01_thirty_guesses_at_once_get_three_tries() -> None:
    assert compared_of_thirty_at_once() == 3


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ACC01_without_the_compare_and_set_more_than_three_get_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count_without_comparing(monkeypatch)
    assert compared_of_thirty_at_once() > 3


def compared_of_thirty_at_once() -> int:
    sent = ask()
    answers = at_once(*(lambda n=n: guess(sent, address=f"203.0.113.{n}") for n in range(30)))
    return answers.count("Wrong code. Please try again.")


PROCESS = """
import json, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from accounts.tests import test_codes
sent, addresses = test_codes.Sent(*sys.argv[2:4]), sys.argv[4]
print(json.dumps([test_codes.guess(sent, address=addresses.format(n)) for n in range(100)]))
"""


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "addresses",
    [("203.0.113.9", "203.0.113.9"), ("203.0.1.{}", "203.0.2.{}")],
    ids=["one address", "two hundred addresses"],
)
def test_ACC01_two_processes_share_the_tries_of_a_code(addresses: tuple[str, str]) -> None:
    """Two hundred guesses through two processes get three tries; the owner's own code is taken meanwhile."""
    sent, own = ask(), ask("13912345679")
    command = [sys.executable, "-c", PROCESS, str(connection.settings_dict["NAME"]), *sent]
    both = [
        subprocess.Popen([*command, each], cwd=site.BASE_DIR, stdout=subprocess.PIPE) for each in addresses
    ]
    answers = [answer for process in both for answer in json.loads(process.communicate(timeout=120)[0])]
    assert sum("Wrong code" in answer for answer in answers) == 3
    assert sum("Too many wrong codes" in answer for answer in answers) == 197
    check = lambda: codes.check(request(), SIGN_IN, "13912345679", own.proof, own.shown)  # noqa: E731
    assert refusal(check) == ""


# --- how often codes are sent ---------------------------------------------------------------------------


@pytest.mark.any_database  # 1,440 requests with the statements of the next test
def test_ACC05_a_number_gets_one_code_a_minute_three_in_a_quarter_of_an_hour_and_ten_a_day() -> None:
    begin = timezone.now().replace(hour=4, minute=0, second=0)
    sent, said = [], set()
    for minutes in (*range(20), *range(20, 12 * 60, 5)):
        for second in (0, 30):
            with time_machine.travel(begin + timedelta(minutes=minutes, seconds=second), tick=False):
                address = f"10.{minutes % 250}.{second}.{minutes // 250}"
                answer = refusal(lambda address=address: ask(address=address))
            sent.extend([minutes] if not answer else [])
            said.add(answer[:35])
    assert len(sent) == 10
    assert sent[:4] == [0, 1, 2, 15]
    assert said == {
        "",
        "A code was sent a moment ago. Wait ",
        "Too many codes requested. Try again",
        "Too many codes requested today. Try",
    }


def test_ACC05_an_address_asks_for_ten_codes_in_a_quarter_of_an_hour() -> None:
    answers = [refusal(lambda n=n: ask(f"139{n:08d}")) for n in range(12)]
    assert answers[:10] == [""] * 10
    assert all(answer.startswith("Too many codes requested. Try again at ") for answer in answers[10:])


def test_ACC05_the_site_has_a_budget(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.SMS_DAILY_BUDGET = 5
    answers = [refusal(lambda n=n: ask(f"139{n:08d}", f"203.0.113.{n}")) for n in range(7)]
    sentence = "We can't send any more codes today. Sign in with your password, or contact us."
    assert answers == [""] * 5 + [sentence] * 2
    assert "SMS_DAILY_BUDGET is used up" in caplog.text


def test_ACC05_strangers_can_not_keep_the_owner_from_a_code() -> None:
    person = make.user()
    own = request()
    devices.remember_device(None, own, person)
    own.COOKIES["device"] = own.device_cookie
    for n in range(20):
        refusal(lambda n=n: ask(person.mobile, f"203.0.113.{n}"))
    assert refusal(lambda: ask(person.mobile, "203.0.113.99")) != ""
    assert refusal(lambda: codes.send(own, SIGN_IN, person.mobile)) == ""


def test_a_code_that_was_not_sent_does_not_count(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(mobile: str, code: str) -> None:
        raise sms.NotSent("isv.AMOUNT_NOT_ENOUGH")

    with monkeypatch.context() as patch:
        patch.setattr(sms, "send_code", fail)
        for _ in range(12):
            assert refusal(ask) == "We couldn't send the code. Please try again in a minute."
    assert "code for 139****5678 not sent: isv.AMOUNT_NOT_ENOUGH" in caplog.text
    assert refusal(ask) == ""


def test_without_a_provider_nobody_waits_for_a_code(
    settings: Settings, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SMS, settings.REHEARSAL = {"provider": "console"}, False
    assert refusal(ask).startswith("This site can't send codes by SMS at present.")
    assert "code for 139****5678 not sent: SMS_URL names no provider" in caplog.text
    assert "13912345678" not in "".join([caplog.text, *capsys.readouterr()])


# --- the rehearsal --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rehearsal", "provider", "is_shown"),
    [(True, "console", True), (False, "console", False), (True, "aliyun", False), (False, "aliyun", False)],
)
def test_the_code_is_shown_in_a_rehearsal_without_a_provider_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rehearsal: bool, provider: str, is_shown: bool
) -> None:
    monkeypatch.setattr(sms, "send_code", lambda mobile, code: None)
    settings.REHEARSAL, settings.SMS = rehearsal, {"provider": provider}
    assert bool(ask().shown) is is_shown
