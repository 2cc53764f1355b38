"""SEC12: damaged callbacks settle nothing and end in no 5xx. FUZZ says how many, SEED which."""

import os
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.db import transaction
from django.test.client import ClientHandler

from payments.alipay import messages
from payments.books import message_log
from payments.models import GatewayMessage, Payment
from tests import alipay, make, vectors
from tests.fuzz.damage import damaged
from tests.fuzz.message import Message, send

FUZZ = int(os.environ.get("FUZZ", "300"))
SEED = int(os.environ.get("SEED", "1"))
A_PART = 5000
PARTS = -(-FUZZ // A_PART)
"""Tests of their own, so that two processes share them. Each has dice of its own."""

GENUINE_ONE_IN = 100
WITHIN_SECONDS = 5

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("gateway")]


class Fuzz:
    """The real views, and a few unpaid orders whose genuine messages are damaged."""

    def __init__(self, seed: int) -> None:
        self.seed, self.dice = seed, Random(seed)
        self.site = ClientHandler(enforce_csrf_checks=True)
        self.told: Counter[str] = Counter()
        self.slowest = 0.0
        attempts = [make.attempt() for _ in range(4)]
        self.keys = [attempt.pk for attempt in attempts]
        self.genuine = [message for attempt in attempts for message in _genuine(attempt)]
        self.before = self._rows()

    def run(self, count: int) -> None:
        for number in range(count):
            if number % GENUINE_ONE_IN == GENUINE_ONE_IN // 2:
                self._send_genuine()
            message, other = self.dice.choices(self.genuine, k=2)
            sent, damages = damaged(message, other, self.dice)
            if any(sent.says_the_same_as(each) for each in self.genuine):
                self._send_equal(sent)
            else:
                self._send_damaged(sent, f"seed {self.seed}, number {number}, {damages}: {sent!r:.3000}")

    def _send_damaged(self, message: Message, about: str) -> None:
        status, answer = send(self.site, message)
        assert status < 500, about
        assert answer != b"success", about
        assert self._rows() == self.before, about
        self.told["damaged"] += 1
        self.told[f"  answered {status}"] += 1

    def _send_equal(self, message: Message) -> None:
        """It says what Alipay said, only written differently: it may settle."""
        self.told["the same as a genuine one"] += 1
        self.told["  accepted"] += self._settles(message)

    def _send_genuine(self) -> None:
        began = time.monotonic()
        assert self._settles(self.dice.choice(self.genuine))
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.told["genuine, settled"] += 1

    def _settles(self, message: Message) -> bool:
        """Send it, and take back what it did: the order is for the next ones, too."""
        point = transaction.savepoint()
        assert send(self.site, message)[0] < 500
        has_settled = self._rows() != self.before
        transaction.savepoint_rollback(point)
        return has_settled

    def _rows(self) -> list[object]:
        columns = ("status", "received_fen", "trade_no", "contradicted_at", "next_try_at", "live_for")
        ours = Payment.objects.filter(pk__in=self.keys).order_by("pk")
        return list(ours.values_list(*columns, "order__status", "order__trade_no", "order__amount_fen"))


def _genuine(attempt: Payment) -> tuple[Message, Message]:
    back = urlencode(alipay.signed(alipay.return_params(attempt))).encode()
    return Message.notice(alipay.notify_body(attempt)), Message.back(back)


@pytest.mark.parametrize("part", range(PARTS))
def test_SEC12_NOT27_damaged_callbacks_settle_nothing(
    part: int, record_property: Callable[[str, object], None]
) -> None:
    fuzz, began = Fuzz(1000 * SEED + part), time.monotonic()
    fuzz.run(min(A_PART, FUZZ - part * A_PART))
    kept = make.rows(GatewayMessage).filter(verdict=message_log.Verdict.BAD).count()
    assert kept <= 2 * message_log.KEPT_BAD_MESSAGES
    assert fuzz.slowest < WITHIN_SECONDS
    told = [f"  {times:6} {what}" for what, times in sorted(fuzz.told.items())]
    seconds = (
        f"{time.monotonic() - began:.0f} s, slowest genuine {1000 * fuzz.slowest:.0f} ms, {kept} bad kept"
    )
    record_property("told", "\n".join([f"SEED={SEED} FUZZ={FUZZ}, part {part}: {seconds}", *told]))


def _believe_every_signature(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(messages, "is_signed", lambda *_: True)


def _let_texts_be_cut_anew(patch: pytest.MonkeyPatch) -> None:
    class Nothing:
        search = staticmethod(lambda text: None)

    patch.setattr(messages, "_BEGINS_A_PARAMETER", Nothing)


def _break_on_odd_text(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(messages, "_decoded", lambda value, codec: value.encode("latin-1").decode(codec))


@pytest.mark.any_database
@pytest.mark.parametrize("without", [_believe_every_signature, _let_texts_be_cut_anew, _break_on_odd_text])
def test_SEC12_twin_damage_is_found_without(
    without: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch)
    with pytest.raises(AssertionError, match="seed 1"):
        Fuzz(1).run(600)


REAL = [each for each in vectors.everything() if each["kind"] in ("notify", "return")]


@pytest.mark.parametrize("real", REAL, ids=lambda real: real["id"])
def test_SEC12_damaged_messages_that_alipay_signed_are_rejected(real: dict) -> None:
    """For other shops: only what verifies a signature is tried, with the key that signed them."""
    key, dice = load_pem_public_key(real["public_key"].encode()), Random(SEED)
    assert isinstance(key, RSAPublicKey)
    raw = urlencode({**real["params"], "sign": real["sign"]}).encode()
    is_notice = real["kind"] == "notify"
    genuine = Message.notice(raw) if is_notice else Message.back(raw)
    verified = messages.verified_notice if is_notice else messages.verified_return
    assert verified(raw, [key])
    for number in range(max(100, FUZZ // 100)):
        sent, damages = damaged(genuine, genuine, dice)
        if not _same_parameters(sent, genuine):
            with pytest.raises(messages.Rejected):
                verified(sent.raw, [key])
                raise AssertionError(f"seed {SEED}, number {number}, {damages}: {sent!r:.3000}")


def _same_parameters(sent: Message, genuine: Message) -> bool:
    return Message(genuine.method, genuine.path, sent.raw, genuine.headers).says_the_same_as(genuine)
