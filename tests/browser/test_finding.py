"""Finding a home and choosing its nights: with a finger, with the keyboard, without JavaScript."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import ASKED, DESKTOP, INSTANT, PHONE, TODAY

pytestmark = pytest.mark.browser


def test_refused_and_empty_searches(visit):
    visitor = visit(**PHONE)
    yesterday = TODAY - timedelta(days=3)
    visitor.go(f"/?area=x&check_in={yesterday}&check_out={yesterday}&guests=200")
    expect(visitor.page.locator(".field .error")).to_have_count(3)
    visitor.look("refused")
    visitor.go("/?guests=99")
    visitor.look("none")
    visitor.page.locator("main .face .button").last.click()
    assert visitor.path() == "/"
    expect(visitor.page.locator("article.house").first).to_be_visible()


class TestCalendar:
    def open(self, visitor) -> tuple[str, str]:
        """The page of a home on two months of which no night is taken; their first and last day."""
        visitor.go("/")
        visitor.click(ASKED)
        months = f"{TODAY + timedelta(days=300):%Y-%m}"
        visitor.go(f"{visitor.path()}?month={months}#calendar")
        shown = visitor.page.locator("#calendar td[data-date]")
        return shown.first.get_attribute("data-date"), shown.last.get_attribute("data-date")

    def see_a_taken_night(self, renter) -> date:
        """The first of two that the renter has booked, on whose home's page they are then."""
        renter.start_with_order(nights=2)
        booked = date.fromisoformat(renter.page.locator(".stay time").first.get_attribute("datetime")[:10])
        renter.go("/")
        renter.click(INSTANT)
        return booked

    def day(self, visitor, day: date):
        return visitor.page.locator(f"#calendar td[data-date='{day}']")

    def stay(self, visitor) -> tuple[str, str]:
        labels = ("入住", "离开")
        return tuple(visitor.page.get_by_label(label, exact=True).input_value() for label in labels)

    def test_two_presses_choose_a_stay(self, visit):
        visitor = visit(**PHONE)
        first = date.fromisoformat(self.open(visitor)[0])
        arrive, leave = first + timedelta(days=4), first + timedelta(days=7)
        self.day(visitor, arrive).click()
        assert self.stay(visitor) == (str(arrive), "")
        self.day(visitor, leave).click()
        assert self.stay(visitor) == (str(arrive), str(leave))
        expect(visitor.page.locator("#stay-total")).to_have_text("￥1,098.00")
        expect(visitor.page.locator("#calendar td.within")).to_have_count(2)
        expect(visitor.page.locator("#calendar [aria-pressed=true]")).to_have_count(2)
        visitor.look("chosen")
        self.day(visitor, arrive).click()  # once more from the start
        assert self.stay(visitor) == (str(arrive), "")

    def test_an_earlier_day_begins_anew(self, visit):
        visitor = visit(**DESKTOP)
        first = date.fromisoformat(self.open(visitor)[0])
        self.day(visitor, first + timedelta(days=9)).click()
        self.day(visitor, first + timedelta(days=2)).click()
        assert self.stay(visitor) == (str(first + timedelta(days=2)), "")

    def test_arrow_keys_and_enter(self, visit):
        visitor = visit(**DESKTOP)
        first = date.fromisoformat(self.open(visitor)[0])
        self.day(visitor, first).locator("button").focus()
        for key in ("ArrowDown", "ArrowRight", "Enter", "ArrowRight", "ArrowRight", "Space"):
            visitor.page.keyboard.press(key)
        assert self.stay(visitor) == (str(first + timedelta(days=8)), str(first + timedelta(days=10)))
        assert visitor.page.locator("#calendar button[tabindex='0']").count() == 1

    def test_a_taken_night_is_no_arrival_but_a_day_to_leave(self, visit):
        renter = visit(**DESKTOP)
        booked = self.see_a_taken_night(renter)
        renter.go(f"{renter.path()}?month={booked:%Y-%m}")
        expect(self.day(renter, booked)).to_have_class("taken")
        self.day(renter, booked).click()
        assert self.stay(renter) == ("", "")
        expect(renter.page.locator("#calendar-words")).to_have_text("当晚已订出，请换一天。")

    def test_no_stay_is_chosen_over_a_taken_night(self, visit):
        renter = visit(**DESKTOP)
        before, _ = renter.free_days(2)
        renter.start_with_order(nights=1)
        renter.go("/")
        renter.click(INSTANT)
        renter.go(f"{renter.path()}?month={before:%Y-%m}")
        after = before + timedelta(days=4)
        self.day(renter, before).click()
        assert self.stay(renter) == (str(before), "")
        self.day(renter, after).click()
        assert self.stay(renter) == (str(after), "")

    def test_what_is_refused_is_not_drawn(self, visit):
        renter = visit(**DESKTOP)
        booked = self.see_a_taken_night(renter)
        house = renter.path()
        renter.go(f"{house}?check_in={booked}&check_out={booked + timedelta(days=2)}")
        expect(renter.page.locator("#calendar .within")).to_have_count(0)
        expect(renter.page.locator("#calendar-words")).to_have_text("这几晚里有已订出的，请换个日期。")
        renter.look("taken")
        first = date.fromisoformat(self.open(renter)[0])
        renter.page.get_by_label("入住", exact=True).fill(str(first + timedelta(days=9)))
        renter.page.get_by_label("离开", exact=True).fill(str(first + timedelta(days=2)))
        expect(renter.page.locator("#calendar [aria-pressed=true]")).to_have_count(1)
        expect(renter.page.locator("#calendar .within")).to_have_count(0)
        renter.go(f"{house}?month={booked:%Y-%m}&check_out={booked + timedelta(days=9)}")
        expect(renter.page.locator("#calendar-words")).to_have_text("请选择入住日期。")

    def test_other_months_keep_what_was_chosen(self, visit):
        visitor = visit(**PHONE)
        last = date.fromisoformat(self.open(visitor)[1])
        self.day(visitor, last).click()
        visitor.page.get_by_role("link", name="后两个月").click()
        visitor.page.wait_for_load_state()
        assert self.stay(visitor) == (str(last), "")
        leave = last + timedelta(days=2)
        self.day(visitor, leave).click()
        assert self.stay(visitor) == (str(last), str(leave))

    def test_without_javascript_it_is_a_table_to_read(self, visit):
        visitor = visit(**PHONE, java_script_enabled=False)
        self.open(visitor)
        expect(visitor.page.locator("#calendar table")).to_have_count(2)
        expect(visitor.page.locator("#calendar td button")).to_have_count(0)
        expect(visitor.page.locator("#calendar-words")).to_be_hidden()
        visitor.look("calendar")
