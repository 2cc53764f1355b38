"""The data of a new demo: statuses, refunds, reviewed stays."""

from datetime import timedelta

import pytest
from django.core.files.base import File
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from demo.management.commands import seed_demo
from houses import availability, photos
from houses.models import BookedNight, DoubleSale
from jobs.sweep import sweep_once
from orders.models import Order, Review, StayChange
from orders.stages import Stage, stage_of
from payments import queries
from payments.books.invariants import broken_rules
from payments.models import Payment, Refund
from standin import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

_prepared: dict[bytes, photos.Photo] = {}


@pytest.fixture(autouse=True)
def photos_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each seed but the first the encoding of the same photos."""
    prepare = photos.prepare

    def prepare_once(upload: File) -> photos.Photo:
        upload.seek(0)
        content = upload.read()
        if content not in _prepared:
            _prepared[content] = prepare(upload)
        photo = _prepared[content]
        return photos.Photo(photo.files, photo.width, photo.height)

    monkeypatch.setattr(photos, "prepare", prepare_once)


def has_every_status() -> bool:
    return set(Order.objects.values_list("status", flat=True)) >= {*Order.Status} - {Order.Status.CANCELED}


def test_cancelling_a_paid_order_refunds_it(standin: StandIn, client: Client) -> None:
    standin.fault("notify.lost")
    call_command("seed_demo")
    assert has_every_status()
    renter = User.objects.get(mobile=seed_demo.RENTER)
    client.force_login(renter)
    paid = renter.orders.get(status=Order.Status.WAIT_COMMENT, waiting_change=None)
    client.post(reverse("payments:cancel", args=[paid.number]))
    sweep_once()
    refund = Refund.objects.get()
    assert (refund.status, refund.amount_fen) == (Refund.Status.DONE, paid.amount_fen)
    assert standin.trade(refund.payment.out_trade_no)["refunds"]
    assert list(broken_rules()) == []
    assert BookedNight.objects.filter(calendar__channel="途家").count() == 3
    assert DoubleSale.objects.get().order_number


def test_a_new_demo_has_all_and_a_second_time_adds_nothing(
    standin: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("seed_demo")
    assert_reviewed_stays_are_over()
    assert_every_stage_and_a_whole_review()
    assert_a_change_waits_for_its_difference()
    assert_roles_sign_in(capsys.readouterr().out)
    before = Order.objects.count()
    call_command("seed_demo")
    assert Order.objects.count() == before
    assert_roles_sign_in(capsys.readouterr().out)


def assert_reviewed_stays_are_over() -> None:
    today = timezone.localdate()
    reviewed = Order.objects.filter(status=Order.Status.COMPLETE)
    assert reviewed.count() == 2
    for order in reviewed:
        events = list(order.events.order_by("created_at", "id").values_list("kind", flat=True))
        assert order.check_in < order.check_out < today
        assert order.created_at.date() < order.check_in
        assert [kind for kind in events if kind != "REPLIED"] == ["BOOKED", "ACCEPTED", "PAID", "REVIEWED"]
        assert order.payments.get().paid_at.date() < order.check_in
        nights = BookedNight.objects.filter(order_number=order.number).order_by("night")
        assert [row.night for row in nights] == availability.nights_between(order.check_in, order.check_out)
        assert not availability.taken(order.house, today, today + timedelta(days=4))
    assert list(broken_rules()) == []


def assert_roles_sign_in(told: str) -> None:
    for mobile, (_name, role) in seed_demo.OTHER_STAFF.items():
        assert f"{role} {mobile}" in told
        browser = Client()
        typed = {"username": mobile, "password": seed_demo.PASSWORD}
        assert browser.post("/admin/login/?next=/admin/", typed).url == "/admin/"
        user = User.objects.get(mobile=mobile)
        assert [group.name for group in user.groups.all()] == [role]
        assert (user.is_staff, user.is_superuser) == (True, False)
    assert User.objects.get(mobile=seed_demo.STAFF).is_superuser


def test_one_bad_answer_does_not_stop_it(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MIN_QUERY_INTERVAL", timedelta(0))
    standin.fault("query.20000", times=1)
    call_command("seed_demo")
    assert has_every_status()


def test_without_a_stand_in_it_warns_about_refunds(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_demo")
    assert has_every_status()
    assert "No stand-in Alipay answers" in capsys.readouterr().err
    assert {payment.status for payment in Payment.objects.all()} == {Payment.Status.PAID}


def assert_every_stage_and_a_whole_review() -> None:
    stages = {stage_of(order.status, order.check_in, order.check_out) for order in Order.objects.all()}
    assert stages == {*Stage}
    review = Review.objects.get(renter__mobile=seed_demo.RENTER)
    assert (len(review.marks), review.photos.count(), review.is_counted) == (4, 2, True)
    assert review.reply
    assert list(broken_rules()) == []


def assert_a_change_waits_for_its_difference() -> None:
    change = StayChange.objects.get(waiting_for__renter__mobile=seed_demo.RENTER)
    assert change.difference_fen == change.order.house.price_fen
    assert change.pay_by > timezone.now() + timedelta(hours=1)
