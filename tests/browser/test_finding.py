"""Finding a home and choosing nights: by touch, by keyboard, without JavaScript."""

import re
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import ASKED, DESKTOP, ENGLISH_TITLES, INSTANT, PHONE, TODAY

pytestmark = pytest.mark.browser

IS_ON_TOP = """it => {
  const box = it.getBoundingClientRect();
  const seen = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return it.contains(seen);
}"""
RIGHT_BELOW_THE_MESSAGE = """it => {
  it.scrollIntoView({block: "center"});
  const message = document.querySelector("#calendar-words");
  scrollBy(0, it.getBoundingClientRect().top - message.getBoundingClientRect().bottom);
}"""

TOP_OF_THE_MONTHS = """() => {
  const top = (selector) => document.querySelector(selector).getBoundingClientRect().top;
  return Math.round(top(".months") - top("#calendar"));
}"""


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


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_sorting_keeps_what_is_typed_and_a_home_links_back_to_the_search(visit, java_script_enabled):
    visitor = visit(**PHONE, java_script_enabled=java_script_enabled)
    visitor.go("/")
    visitor.field("Guests").fill("2")
    visitor.field("Where to?").fill("厦门")
    visitor.click("价格最低")
    asked = visitor.page.url
    assert parse_qs(urlsplit(asked).query).keys() == {"place", "guests", "sort"}
    visitor.look("cheapest")
    visitor.page.locator("article.house a").first.click()
    visitor.page.locator("a.back").click()
    assert parse_qs(urlsplit(visitor.page.url).query) == parse_qs(urlsplit(asked).query)
    expect(visitor.page.locator("[aria-current=true]").get_by_text("价格最低")).to_be_visible()
    visitor.click("搜索")
    assert parse_qs(urlsplit(visitor.page.url).query) == parse_qs(urlsplit(asked).query)


def test_the_other_language_keeps_what_is_typed(visit):
    visitor = visit(**PHONE)
    visitor.go("/")
    visitor.field("Guests").fill("2")
    visitor.click("English")
    assert urlsplit(visitor.page.url).query == "guests=2"
    visitor.click(ENGLISH_TITLES[ASKED])
    visitor.page.get_by_label("Check-in", exact=True).fill(str(TODAY + timedelta(days=200)))
    visitor.page.get_by_label("Guests", exact=True).fill("3")
    visitor.click("中文")
    expect(visitor.field("Check-in")).to_have_value(str(TODAY + timedelta(days=200)))
    expect(visitor.field("Guests")).to_have_value("3")
    visitor.page.locator("a.back").click()
    assert urlsplit(visitor.page.url).query == "guests=2"


def test_filters_steps_and_a_heart(visit):
    visitor = visit(**PHONE)
    visitor.join()
    visitor.go("/")
    visitor.page.locator(".stepper button").last.click()
    visitor.page.locator(".stepper button").last.click()
    expect(visitor.field("Guests")).to_have_value("2")
    visitor.page.locator(".filters summary").click()
    visitor.field("Instant booking").check()
    visitor.look("filters")
    visitor.click("搜索")
    assert parse_qs(urlsplit(visitor.page.url).query) == {"guests": ["2"], "instant": ["1"]}
    heart = visitor.page.locator("button.heart").first
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true")
    visitor.look("found")
    visitor.page.locator(".chips a").first.click()
    assert parse_qs(urlsplit(visitor.page.url).query) == {"instant": ["1"]}
    visitor.go("/houses/favourites/")
    expect(visitor.page.locator("article.house")).to_have_count(1)
    visitor.look("favourites")


class TestPrice:
    """The total is shown only for stays that the home accepts."""

    def open(self, visitor, first: int, nights: int) -> None:
        visitor.go("/")
        visitor.click(INSTANT)
        check_in = TODAY + timedelta(days=first)
        stay = f"check_in={check_in}&check_out={check_in + timedelta(days=nights)}"
        visitor.go(f"{visitor.path()}?{stay}&guests=2")

    def total(self, visitor):
        return visitor.page.locator("#stay-total")

    @pytest.mark.parametrize("java_script_enabled", [True, False])
    @pytest.mark.parametrize(("first", "nights"), [(300, 52), (300, 31), (-3, 5)])
    def test_a_refused_stay_has_no_total(self, visit, java_script_enabled, first, nights):
        visitor = visit(**PHONE, java_script_enabled=java_script_enabled)
        self.open(visitor, first, nights)
        expect(visitor.page.locator("#book .error")).to_have_count(1)
        expect(self.total(visitor)).to_be_hidden()
        expect(visitor.page.locator("#night-price")).to_be_visible()

    def test_other_dates_clear_the_refusal(self, visit):
        visitor = visit(**DESKTOP)
        self.open(visitor, 300, 52)
        visitor.look("refused")
        visitor.field("Check-out").fill(str(TODAY + timedelta(days=302)))
        expect(self.total(visitor)).to_have_text("￥518.00")
        expect(visitor.page.locator("#book .error")).to_have_count(0)
        expect(visitor.page.locator("#book [aria-invalid=true]")).to_have_count(0)

    def test_a_stay_that_would_be_refused_has_no_total(self, visit):
        visitor = visit(**DESKTOP)
        self.open(visitor, 300, 2)
        expect(self.total(visitor)).to_have_text("￥518.00")
        for name, day in (("Check-out", 331), ("Check-out", 302), ("Check-in", -1), ("Check-in", 299)):
            visitor.field(name).fill(str(TODAY + timedelta(days=day)))
            expect(self.total(visitor)).to_be_visible(visible=day in (302, 299))
            if day == 331:
                expect(visitor.page.locator("#calendar-words")).to_contain_text("30")
                expect(visitor.page.locator("#calendar .within")).to_have_count(0)


class TestCalendar:
    def open(self, visitor) -> tuple[str, str]:
        """Open a home on two months without a taken night; return their first and last day."""
        visitor.go("/")
        visitor.click(ASKED)
        months = f"{TODAY + timedelta(days=300):%Y-%m}"
        visitor.go(f"{visitor.path()}?month={months}#calendar")
        shown = visitor.page.locator("#calendar td[data-date]")
        return shown.first.get_attribute("data-date"), shown.last.get_attribute("data-date")

    def open_with_a_taken_night(self, renter) -> date:
        """Book two nights and open that home's page; return the first of them. The night before is free."""
        renter.free_days(1)
        renter.start_with_order(nights=2)
        booked = date.fromisoformat(renter.page.locator(".stay time").first.get_attribute("datetime")[:10])
        renter.go("/")
        renter.click(INSTANT)
        return booked

    def day(self, visitor, day: date):
        return visitor.page.locator(f"#calendar td[data-date='{day}']")

    def stay(self, visitor) -> tuple[str, str]:
        labels = ("入住", "退房")
        return tuple(visitor.page.get_by_label(label, exact=True).input_value() for label in labels)

    def expect_message(self, visitor, english: str) -> None:
        """Expect a message in the live region, with any days in it."""
        message = re.sub(r"\\{\w+\\}", ".+", re.escape(visitor.translated(english)))
        expect(visitor.page.get_by_role("status").filter(has_text=re.compile(f"^{message}$"))).to_be_visible()

    def test_two_clicks_choose_a_stay(self, visit):
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
        self.day(visitor, arrive).click()  # starts over
        assert self.stay(visitor) == (str(arrive), "")

    def test_on_a_wide_screen_it_opens_under_the_date_fields(self, visit):
        visitor = visit(**DESKTOP)
        first = date.fromisoformat(self.open(visitor)[0])
        arrive, leave = first + timedelta(days=4), first + timedelta(days=7)
        visitor.page.get_by_label("入住", exact=True).click()
        opened = visitor.page.locator("#book #calendar")
        expect(opened).to_be_visible()
        visitor.look("calendar-under-the-dates")
        self.day(visitor, arrive).click()
        self.day(visitor, leave).click()
        expect(opened).to_have_count(0)
        assert self.stay(visitor) == (str(arrive), str(leave))
        expect(visitor.page.locator("#id_guests")).to_be_focused()
        visitor.page.get_by_label("退房", exact=True).click()
        expect(opened).to_be_visible()
        visitor.page.keyboard.press("Escape")
        expect(opened).to_have_count(0)

    def test_it_also_opens_where_a_stay_is_changed(self, visit):
        renter = visit(**DESKTOP)
        renter.go(f"/payments/{renter.start_with_order()}/change/")
        arrive = date.fromisoformat(self.stay(renter)[0])
        renter.page.get_by_label("入住", exact=True).click()
        opened = renter.page.locator("form #calendar")
        for day in (arrive, arrive + timedelta(days=1)):
            expect(opened).to_be_visible()
            self.day(renter, day).click()
        expect(opened).to_have_count(0)
        assert self.stay(renter) == (str(arrive), str(arrive + timedelta(days=1)))

    def test_an_earlier_day_starts_over(self, visit):
        visitor = visit(**DESKTOP)
        first = date.fromisoformat(self.open(visitor)[0])
        self.day(visitor, first + timedelta(days=9)).click()
        self.day(visitor, first + timedelta(days=2)).click()
        assert self.stay(visitor) == (str(first + timedelta(days=2)), "")

    def test_an_arrival_typed_after_the_departure_asks_for_another_departure(self, visit):
        visitor = visit(**PHONE)
        first = date.fromisoformat(self.open(visitor)[0])
        visitor.field("Check-in").fill(str(first + timedelta(days=4)))
        visitor.field("Check-out").fill(str(first + timedelta(days=5)))
        visitor.field("Check-in").fill(str(first + timedelta(days=8)))
        self.expect_message(visitor, "Check-in: {day}. Now choose your check-out date.")
        self.day(visitor, first + timedelta(days=10)).click()
        assert self.stay(visitor) == (str(first + timedelta(days=8)), str(first + timedelta(days=10)))

    def test_arrow_keys_and_enter(self, visit):
        visitor = visit(**DESKTOP)
        first = date.fromisoformat(self.open(visitor)[0])
        button = self.day(visitor, first).locator("button")
        label = visitor.translated("{day}, {state}").format(day=".+", state="可订")
        expect(button).to_have_accessible_name(re.compile(f"^{label} ￥[0-9,.]+$"))
        button.focus()
        for key in ("ArrowDown", "ArrowRight", "Enter", "ArrowRight", "ArrowRight", "Space"):
            visitor.page.keyboard.press(key)
        assert self.stay(visitor) == (str(first + timedelta(days=8)), str(first + timedelta(days=10)))
        assert visitor.page.locator("#calendar button[tabindex='0']").count() == 1

    def test_the_message_never_covers_the_focused_day(self, visit):
        visitor = visit(**PHONE)
        last = date.fromisoformat(self.open(visitor)[1])
        self.day(visitor, last).locator("button").focus()
        visitor.page.locator("#calendar button:focus").evaluate(RIGHT_BELOW_THE_MESSAGE)
        visitor.page.keyboard.press("ArrowUp")
        expect(self.day(visitor, last - timedelta(days=7)).locator("button")).to_be_focused()
        assert visitor.page.locator("#calendar button:focus").evaluate(IS_ON_TOP)

    def test_a_taken_night_cannot_be_the_arrival(self, visit):
        renter = visit(**DESKTOP)
        booked = self.open_with_a_taken_night(renter)
        renter.go(f"{renter.path()}?month={booked:%Y-%m}")
        expect(self.day(renter, booked)).to_have_class("taken")
        self.day(renter, booked).click()
        assert self.stay(renter) == ("", "")
        self.expect_message(renter, "{day} is unavailable. Please choose another date.")

    def test_a_stay_across_a_taken_night_is_refused_in_sight(self, visit):
        renter = visit(**PHONE)
        before, _ = renter.free_days(2)
        renter.start_with_order(nights=1)
        renter.go("/")
        renter.click(INSTANT)
        renter.go(f"{renter.path()}?month={before:%Y-%m}#calendar")
        after = before + timedelta(days=4)
        self.day(renter, before).click()
        assert self.stay(renter) == (str(before), "")
        self.day(renter, after).click()
        assert self.stay(renter) == (str(before), "")
        expect(self.day(renter, before)).to_have_class("free chosen")
        self.expect_message(
            renter, "{day} is unavailable. Check out by then, or tap {first} again to start over."
        )
        message = renter.page.locator("#calendar-words")
        expect(message).to_be_in_viewport(ratio=1)
        assert message.evaluate(IS_ON_TOP), "something covers the message"
        renter.keep_picture("crossed")
        self.day(renter, before).click()
        assert self.stay(renter) == ("", "")
        self.day(renter, after).click()
        assert self.stay(renter) == (str(after), "")

    def test_a_tap_on_a_taken_night_changes_nothing(self, visit):
        renter = visit(**PHONE)
        booked = self.open_with_a_taken_night(renter)
        before = booked - timedelta(days=1)
        renter.go(f"{renter.path()}?month={before:%Y-%m}")
        self.day(renter, before).click()
        self.day(renter, booked + timedelta(days=1)).click()  # its second night
        assert self.stay(renter) == (str(before), "")
        self.expect_message(renter, "{day} is unavailable. Please choose another date.")
        self.day(renter, booked).click()
        assert self.stay(renter) == (str(before), str(booked))

    def test_a_taken_first_day_is_not_drawn_as_chosen(self, visit):
        renter = visit(**DESKTOP)
        booked = self.open_with_a_taken_night(renter)
        house = renter.path()
        before = booked - timedelta(days=1)
        for query in (f"check_in={booked}", f"check_in={booked}&check_out={booked + timedelta(days=1)}"):
            renter.go(f"{house}?{query}&month={before:%Y-%m}")
            expect(renter.page.locator("#calendar .chosen")).to_have_count(0)
            expect(renter.page.locator("#calendar-words")).to_have_text("这几晚里有已订出的，请换个日期。")
            expect(renter.page.locator("#stay-total")).to_be_hidden()
        self.day(renter, before).click()
        assert self.stay(renter) == (str(before), "")

    def test_ones_own_nights_link_to_the_order(self, visit):
        renter = visit(**PHONE)
        booked = self.open_with_a_taken_night(renter)
        renter.go(f"{renter.path()}?check_in={booked}&check_out={booked + timedelta(days=2)}")
        own = renter.translated("You've booked these nights.")
        expect(renter.page.locator("#calendar-words")).to_have_text(own)
        expect(renter.page.locator("#calendar [aria-pressed=true]")).to_have_count(2)
        expect(renter.page.locator("#stay-total")).to_have_text("￥518.00")
        expect(renter.page.locator("#book .notice")).to_contain_text(own)
        renter.look("own")
        renter.click(renter.translated("View order"))
        renter.number()

    def test_a_refused_stay_is_not_drawn(self, visit):
        renter = visit(**DESKTOP)
        booked = self.open_with_a_taken_night(renter)
        house = renter.path()
        renter.go(f"{house}?check_in={booked}&check_out={booked + timedelta(days=3)}")
        expect(renter.page.locator("#calendar .within")).to_have_count(0)
        expect(renter.page.locator("#calendar-words")).to_have_text("这几晚里有已订出的，请换个日期。")
        renter.look("taken")
        first = date.fromisoformat(self.open(renter)[0])
        renter.page.get_by_label("入住", exact=True).fill(str(first + timedelta(days=9)))
        renter.page.get_by_label("退房", exact=True).fill(str(first + timedelta(days=2)))
        expect(renter.page.locator("#calendar [aria-pressed=true]")).to_have_count(1)
        expect(renter.page.locator("#calendar .within")).to_have_count(0)
        renter.go(f"{house}?month={booked:%Y-%m}&check_out={booked + timedelta(days=9)}")
        expect(renter.page.locator("#calendar-words")).to_have_text("请选择入住日期。")

    @pytest.mark.parametrize("language", ["zh-hans", "en"])
    @pytest.mark.parametrize("width", [320, 900, 1200, 1280])
    def test_the_months_do_not_move_when_the_message_changes(self, visit, width, language):
        visitor = visit(viewport={"width": width, "height": 800}, language=language)
        page = visitor.page
        script = re.compile("stay-calendar")
        page.route(script, lambda route: route.abort("aborted"))
        first, last = (date.fromisoformat(day) for day in self.open(visitor))
        tops = [page.evaluate(TOP_OF_THE_MONTHS)]
        page.unroute(script)
        page.reload()
        for english, day in (
            ("Choose your check-in date.", None),
            ("Check-in: {day}. Now choose your check-out date.", first + timedelta(days=3)),
            ("Check-in: {first}. Check-out: {last}.", last - timedelta(days=33)),
        ):
            if day:
                self.day(visitor, day).click()
            self.expect_message(visitor, english)
            tops.append(page.evaluate(TOP_OF_THE_MONTHS))
        assert len(set(tops)) == 1, tops

    def test_other_months_keep_what_was_chosen(self, visit):
        visitor = visit(**PHONE)
        last = date.fromisoformat(self.open(visitor)[1])
        self.day(visitor, last).click()
        visitor.field("Guests").fill("3")
        visitor.page.get_by_role("link", name="后两个月").click()
        visitor.page.wait_for_load_state()
        assert self.stay(visitor) == (str(last), "")
        expect(visitor.field("Guests")).to_have_value("3")
        leave = last + timedelta(days=2)
        self.day(visitor, leave).click()
        assert self.stay(visitor) == (str(last), str(leave))

    def test_without_javascript_it_is_a_plain_table(self, visit):
        visitor = visit(**PHONE, java_script_enabled=False)
        self.open(visitor)
        expect(visitor.page.locator("#calendar table")).to_have_count(2)
        expect(visitor.page.locator("#calendar td button")).to_have_count(0)
        expect(visitor.page.locator("#calendar-words")).to_be_hidden()
        visitor.look("calendar")
