"""Staff set seasonal prices: a preview by night first, then just that is saved."""

import re
from datetime import date, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import roles
from houses import availability, price_changes, quotes
from houses.models import ChannelCalendar, House, PriceRule
from houses.tests.test_admin import FORM
from tests import make
from tests.interleaving import before

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
READY = "houses.price_admin._entry"  # right before the transaction


@pytest.fixture
def house() -> House:
    return make.house(price_fen=30000)


@pytest.fixture
def desk() -> Client:
    return manager()


def manager() -> Client:
    client = Client()
    client.force_login(make.staff(roles.MANAGER))
    client.cookies["django_language"] = "en"
    return client


def day(n: int) -> date:
    return timezone.localdate() + n * DAY


def page(house: House) -> str:
    return f"/admin/houses/house/{house.pk}/prices/"


def typed(first: int, last: int, price: str, **more: object) -> dict[str, object]:
    nights = {"first_night": day(first), "last_night": day(last)}
    return {**nights, "price_fen": price, "min_nights": 1, "name": "春", "name_en": "Spring", **more}


def press(desk: Client, house: House, **sent: object):
    """Look at what changes, then agree."""
    seen = desk.post(page(house), sent).context["preview"]
    return desk.post(page(house), {**sent, "agreed": seen.agreed}, follow=True)


def prices(house: House, nights: int) -> list[int]:
    rates = quotes.rates_from(house, day(0))
    return [rates.price_of(day(n)) for n in range(nights)]


def test_a_rule_is_saved_after_its_preview(desk: Client, house: House) -> None:
    availability.hold(house, day(2), day(4), order_number="26112700000001")
    look = desk.post(page(house), typed(1, 3, "500"))
    html = look.content.decode()
    assert "￥300.00 → <b>￥500.00</b>" in html
    assert "1 order has nights in this range. Orders keep the price they were booked for." in html
    assert not PriceRule.objects.exists()
    press(desk, house, **typed(1, 3, "500"))
    assert prices(house, 5) == [30000, 50000, 50000, 50000, 30000]
    assert "Seasonal price added: 春" in LogEntry.objects.get(object_id=str(house.pk)).change_message


def test_a_shorter_rule_counts_and_the_preview_says_so(desk: Client, house: House) -> None:
    press(desk, house, **typed(2, 2, "900"))
    seen = desk.post(page(house), typed(1, 3, "500")).context["preview"]
    assert [(run.old_fen, run.new_fen, run.count) for run in seen.runs] == [
        (30000, 50000, 1),
        (90000, 90000, 1),
        (30000, 50000, 1),
    ]
    press(desk, house, **typed(1, 3, "500"))
    assert prices(house, 5) == [30000, 50000, 90000, 50000, 30000]


def test_a_rule_is_moved_and_deleted(desk: Client, house: House) -> None:
    press(desk, house, **typed(1, 2, "500"))
    rule = PriceRule.objects.get()
    assert 'value="500.00"' in desk.get(page(house), {"rule": rule.pk}).content.decode()
    press(desk, house, **typed(2, 3, "600", rule=rule.pk))
    assert prices(house, 5) == [30000, 30000, 60000, 60000, 30000]
    assert PriceRule.objects.get().pk == rule.pk
    press(desk, house, rule=rule.pk, do="delete")
    assert prices(house, 5) == [30000] * 5
    told = LogEntry.objects.filter(object_id=str(house.pk)).values_list("change_message", flat=True)
    assert [entry.split(":")[0] for entry in told] == [
        "Seasonal price deleted",
        "Seasonal price changed",
        "Seasonal price added",
    ]


def test_what_changed_meanwhile_is_shown_again(desk: Client, house: House) -> None:
    sent = typed(1, 3, "500")
    seen = desk.post(page(house), sent).context["preview"]
    House.objects.filter(pk=house.pk).update(price_fen=40000)
    again = desk.post(page(house), {**sent, "agreed": seen.agreed})
    assert "Prices have changed in the meantime." in again.content.decode()
    assert "￥400.00 → <b>￥500.00</b>" in again.content.decode()
    assert not PriceRule.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price_fen": "0"}, "price_fen"),
        ({"price_fen": "100000.01"}, "price_fen"),
        ({"min_nights": "0"}, "min_nights"),
        ({"last_night": "2020-01-01"}, "last_night"),
        ({"last_night": "9999-12-31"}, "last_night"),
        ({"name": ""}, "name"),
    ],
)
def test_impossible_prices_are_refused_beside_the_field(
    desk: Client, house: House, changes: dict[str, str], field: str
) -> None:
    answer = desk.post(page(house), {**typed(1, 3, "500"), **changes})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])


def test_only_who_may_change_homes(house: House) -> None:
    for role in (roles.FRONT_DESK, roles.FINANCE):
        client = Client()
        client.force_login(make.staff(role))
        assert client.get(page(house)).status_code == 403
    client.force_login(make.staff(roles.MANAGER))
    for key in ("99999999", "x", "9" * 30):
        assert client.get(f"/admin/houses/house/{key}/prices/").status_code == 404


def test_the_calendar_shows_prices_of_free_nights_and_sets_them(desk: Client, house: House) -> None:
    availability.hold(house, day(2), day(3))
    press(desk, house, **typed(1, 1, "1888"))
    html = desk.get("/admin/calendar/").content.decode()
    assert '<small class="price">1,888</small>' in html
    [row] = [r for r in desk.get("/admin/calendar/").context["rows"] if r.house.pk == house.pk]
    assert [cell.price_fen for cell in row.cells[:6]] == [0, 0, 30000, 188800, 0, 30000]
    nights = {"house": house.pk, "first": day(4), "last": day(5), "note": "", "do": "price"}
    form = desk.post("/admin/calendar/", nights, follow=True).content.decode()
    assert f'value="{day(4)}"' in form and f'value="{day(5)}"' in form
    assert desk.post("/admin/calendar/", {**nights, "last": day(3)}).context["form"].errors.keys() == {"last"}


def test_only_those_who_may_change_a_home_are_led_from_the_calendar_to_its_prices(house: House) -> None:
    front_desk = Client()
    front_desk.force_login(make.staff(roles.FRONT_DESK))
    assert 'value="price"' not in front_desk.get("/admin/calendar/").content.decode()
    nights = {"house": house.pk, "first": day(4), "last": day(5), "note": "", "do": "price"}
    assert front_desk.post("/admin/calendar/", nights).status_code == 403


def test_the_form_of_a_home_has_the_fees_and_a_form_without_them_keeps_them(
    desk: Client, house: House
) -> None:
    address = f"/admin/houses/house/{house.pk}/change/"
    fees = {"weekend_price_fen": "400", "week_discount": "10", "cleaning_fee_fen": "80", "guest_fee_fen": ""}
    sent = {**FORM, "area": house.area_id, "price_fen": "300"}
    assert desk.post(address, {**sent, **fees}).status_code == 302
    assert desk.post(address, {**sent, "price_fen": "310"}).status_code == 302
    house.refresh_from_db()
    got = [house.price_fen, house.weekend_price_fen, house.week_discount, house.cleaning_fee_fen]
    assert got == [31000, 40000, 10, 8000]
    assert (house.guests_included, house.guest_fee_fen) == (1, 0)


def test_an_edited_rule_keeps_its_rank_among_rules_of_the_same_length() -> None:
    house, first = make.house(price_fen=30000), timezone.localdate() + timedelta(days=10)
    last = first + timedelta(days=2)

    def rule(fen: int) -> PriceRule:
        return PriceRule(house=house, name="季", first_night=first, last_night=last, price_fen=fen)

    older, newer, edited = rule(50000), rule(60000), rule(70000)
    older.save()
    newer.save()
    seen = price_changes.preview(house, edited, former=older)
    assert seen.changes == []
    price_changes.write(house.pk, edited, former_pk=older.pk, agreed=seen.agreed)
    stay = quotes.for_stay([house], first, first + timedelta(days=1))
    assert stay[house.pk].total_fen == 60000


def test_the_preview_says_which_least_nights_change(desk: Client, house: House) -> None:
    PriceRule.objects.create(
        house=house, first_night=day(2), last_night=day(2), price_fen=50000, min_nights=2, name="节"
    )
    look = desk.post(page(house), typed(1, 3, "300", min_nights=3))
    runs = [(run.first, run.old_least, run.new_least) for run in look.context["preview"].changes]
    assert runs == [(day(1), 1, 3), (day(3), 1, 3)]  # the shorter range counts in its night
    html = " ".join(look.content.decode().split())
    assert "minimum nights 1 → <b>3</b>" in html
    assert "minimum nights 2" in html


def test_a_home_leads_to_its_prices_and_its_calendars(desk: Client, house: House) -> None:
    other = make.house()
    for home in (house, other):
        ChannelCalendar.objects.create(house=home, channel=f"channel {home.pk}")
    form = desk.get(f"/admin/houses/house/{house.pk}/change/").content.decode()
    assert page(house) in form
    [link] = re.findall(r'href="(/admin/houses/channelcalendar/[^"]+)"', form.split("object-tools")[1])
    assert [row.house_id for row in desk.get(link).context["cl"].result_list] == [house.pk]


# --- two managers at once -------------------------------------------------------------------------------


def two_save(house: House, *sent: dict[str, object], interrupted: str = READY, **how: bool) -> list[str]:
    """Let two agree to what they saw, the second before the first has written; return both pages."""
    desks = manager(), manager()
    seen = [d.post(page(house), s).context["preview"].agreed for d, s in zip(desks, sent, strict=True)]
    pages = ["", ""]

    def save(n: int) -> None:
        pages[n] = desks[n].post(page(house), {**sent[n], "agreed": seen[n]}, follow=True).content.decode()

    with before(interrupted, lambda: save(1), **how):
        save(0)
    return pages


SAVES = pytest.mark.parametrize(
    "saved",
    [
        [{"price": "500"}, {"price": "600"}],
        [{"price": "500"}, {"price": "500"}],
        [{"price": "300"}, {"price": "300", "name": "夏"}],
        [{"price": "300"}, {"price": "300"}],
    ],
    ids=["two prices", "pressed twice", "two names for today's price", "today's price, pressed twice"],
)


@SAVES
def test_STA03_of_two_seasonal_prices_at_once_one_is_saved(saved: list[dict[str, str]], house: House) -> None:
    first, second = two_save(house, *[typed(1, 3, **each) for each in saved])
    assert [f"{rule.price_fen}" for rule in house.price_rules.all()] == [f"{saved[1]['price']}00"]
    assert "Seasonal price added" in second
    assert "Prices have changed in the meantime." in first
    assert f'value="{saved[0]["price"]}"' in first  # what was typed is kept


@SAVES
def test_twin_STA03_without_comparing_both_are_saved(
    saved: list[dict[str, str]], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_changes, "_digest", lambda *seen: "agreed")
    two_save(house, *[typed(1, 3, **each) for each in saved])
    assert house.price_rules.count() == 2


def saved_under_the_lock(house: House) -> int:
    """Save two, the second when the first has compared and not written yet; return how many are left."""
    sent = typed(1, 3, "500"), typed(1, 3, "600")
    two_save(house, *sent, interrupted="houses.models.PriceRule.save", elsewhere=True)
    return house.price_rules.count()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_STA03_a_seasonal_price_is_compared_and_saved_under_the_lock(house: House) -> None:
    assert saved_under_the_lock(house) == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_twin_STA03_a_seasonal_price_compared_without_the_lock(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite the transaction itself is the lock")
    monkeypatch.setattr("django.db.models.query.QuerySet.select_for_update", lambda rows, **how: rows)
    assert saved_under_the_lock(house) == 2
