"""Hard histories as plain programs, in the form in which Hypothesis prints one that fails.

Each has a twin: with the guard off that it is about, it must end in a broken rule.
"""

from collections.abc import Callable

import pytest

from tests.histories.guards import GUARDS
from tests.histories.history import History

pytestmark = pytest.mark.usefixtures("site")

Kept = Callable[[], None]
KEPT: dict[str, Kept] = {}
"""By the guard that each is about."""


def keep(guard: str) -> Callable[[Kept], Kept]:
    def decorate(history: Kept) -> Kept:
        KEPT[guard] = history
        return history

    return decorate


@keep("expiry_waits_for_the_last_word")
def paid_in_time_and_nobody_can_be_asked_when_time_is_up() -> None:
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="phone", goes_on="pays", notices_arrive=False)
    state.gateway_breaks(fault="gateway.refuse", times=1000, act="the sweep runs")
    state.deadline_passes(seconds=1980, swept=True)
    state.gateway_is_well()
    state.teardown()


@keep("close_waits_for_an_answer")
def the_close_never_reaches_alipay_and_the_buyer_pays() -> None:
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="desktop", goes_on="waits", notices_arrive=False)
    state.presses_pay(order=0, on="desktop", another=False)
    state.buyer_at_cashier(link=0, does="login", account="1")
    state.gateway_breaks(fault="close.20000", times=1, act="the renter cancels")
    state.buyer_at_cashier(link=0, does="pay-drop", account="1")
    state.teardown()


@keep("not_existing_is_no_last_word_before_the_end")
def asked_about_before_the_buyer_has_signed_in() -> None:
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="phone", goes_on="waits", notices_arrive=False)
    state.presses_pay(order=0, on="phone", another=False)
    state.time_passes(seconds=16, swept=True)
    state.buyer_at_cashier(link=0, does="pay-drop", account="1")
    state.teardown()


@keep("paid_is_not_closed")
def alipay_is_asked_about_what_went_back_whole() -> None:
    """Then it says TRADE_CLOSED, as of a trade that nobody has paid."""
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="desktop", goes_on="is paid", notices_arrive=True)
    state.cancels(order=0, shown="now")
    state.time_passes(seconds=16, swept=True)
    state.staff_do(does="ask_alipay")
    state.teardown()


@keep("refund_is_done_by_alipays_word")
def alipay_answers_nothing_usable_to_a_refund() -> None:
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="phone", goes_on="is paid", notices_arrive=True)
    state.cancels(order=0, shown="now")
    state.gateway_breaks(fault="refund.20000", times=2, act="the sweep runs")
    state.breaks_at(where="mark a refund sent", when="after", what="killed", act="the sweep runs")
    state.teardown()


@keep("refund_keeps_its_number")
def killed_between_sending_a_refund_and_hearing_of_it() -> None:
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="phone", goes_on="is paid", notices_arrive=True)
    state.cancels(order=0, shown="nothing")
    state.breaks_at(where="mark a refund done", when="before", what="killed", act="the sweep runs")
    state.gateway_breaks(fault="refund_query.lost", times=1, act="the sweep runs")
    state.time_passes(seconds=360, swept=True)
    state.teardown()


@keep("notice_is_recorded_before_success")
def the_database_fails_while_a_notice_is_settled() -> None:
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="phone", goes_on="pays", notices_arrive=True)
    state.breaks_at(where="settle", when="before", what="connection lost", act="a notice comes")
    state.notice_comes(which=0, how="twice")
    state.teardown()


@keep("claim_compares_before_it_sets")
def paid_from_two_tabs_and_all_news_comes_twice() -> None:
    state = History()
    state.begins_with_an_order(
        house="asks first", days=6, on="desktop", goes_on="pays twice", notices_arrive=True
    )
    state.meanwhile(when="before", what="a notice comes", act="the browser returns", which=1)
    state.notice_comes(which=0, how="twice")
    state.notice_comes(which=1, how="twice")
    state.time_passes(seconds=16, swept=True)
    state.browser_returns(which=0, how="thrice")
    state.teardown()


@pytest.mark.parametrize("history", KEPT.values(), ids=lambda history: history.__name__)
def test_RND01_kept_history(history: Kept) -> None:
    history()


@pytest.mark.parametrize("guard", KEPT)
def test_RND01_twin_kept_history_without(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    GUARDS[guard](monkeypatch)
    with pytest.raises(Exception) as found:  # a broken rule, or the site itself falls over
        KEPT[guard]()
    print(found.value)
