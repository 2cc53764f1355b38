"""Hard histories as plain programs, in the form in which Hypothesis prints a failing one.

Each has a twin: without the guard that it tests, it must fail.
"""

from collections.abc import Callable

import pytest

from tests.histories.guards import GUARDS
from tests.histories.history import History

pytestmark = pytest.mark.usefixtures("site")

Kept = Callable[[], None]
KEPT: dict[str, Kept] = {}  # by the guard that each tests


def keep(guard: str) -> Callable[[Kept], Kept]:
    def decorate(history: Kept) -> Kept:
        KEPT[guard] = history
        return history

    return decorate


@keep("expiry_waits_for_a_final_answer")
def paid_in_time_and_alipay_unreachable_at_the_deadline() -> None:
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


@keep("not_existing_is_not_final_before_expiry")
def queried_before_the_buyer_has_signed_in() -> None:
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="phone", goes_on="waits", notices_arrive=False)
    state.presses_pay(order=0, on="phone", another=False)
    state.time_passes(seconds=16, swept=True)
    state.buyer_at_cashier(link=0, does="pay-drop", account="1")
    state.teardown()


@keep("paid_is_not_closed")
def queried_after_a_full_refund() -> None:
    """Alipay then answers TRADE_CLOSED, as for a trade that was never paid."""
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="desktop", goes_on="is paid", notices_arrive=True)
    state.cancels(order=0, shown="now")
    state.time_passes(seconds=16, swept=True)
    state.staff_do(does="ask_alipay")
    state.teardown()


@keep("refund_is_done_only_if_alipay_confirms")
def a_refund_gets_no_usable_answer() -> None:
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="phone", goes_on="is paid", notices_arrive=True)
    state.cancels(order=0, shown="now")
    state.gateway_breaks(fault="refund.20000", times=2, act="the sweep runs")
    state.breaks_at(where="mark a refund sent", when="after", what="killed", act="the sweep runs")
    state.teardown()


@keep("refund_keeps_its_number")
def killed_between_sending_a_refund_and_its_answer() -> None:
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
def paid_from_two_tabs_with_every_message_twice() -> None:
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


@keep("a_form_of_cash_records_once")
def cash_is_confirmed_with_two_clicks() -> None:
    state = History()
    state.begins_with_an_order(house="instant", days=6, on="desktop", goes_on="waits", notices_arrive=True)
    state.staff_confirm_cash(order=0, how="clicked twice")
    state.teardown()


@keep("only_a_change_that_waits_is_made")
def a_difference_is_paid_after_its_change_was_dropped() -> None:
    state = History()
    state.begins_with_an_order(
        house="instant", days=6, on="desktop", goes_on="is paid, then longer", notices_arrive=True
    )
    state.pays_the_difference(which=0, on="desktop", does="leave")
    state.gateway_breaks(fault="gateway.refuse", times=1000, act="the change is dropped")
    state.gateway_is_well()
    state.buyer_at_cashier(link=0, does="pay", account="1")
    state.notice_comes(which=0, how="as sent")
    state.teardown()


@keep("a_change_holds_its_nights")
def paid_for_a_night_more() -> None:
    state = History()
    state.begins_with_an_order(
        house="instant, strict", days=6, on="phone", goes_on="is paid, then longer", notices_arrive=False
    )
    state.pays_the_difference(which=0, on="phone", does="pay twice")
    state.browser_returns(which=0, how="as sent")
    state.teardown()


@pytest.mark.parametrize("history", KEPT.values(), ids=lambda history: history.__name__)
def test_RND01_kept_history(history: Kept) -> None:
    history()


@pytest.mark.parametrize("guard", KEPT)
def test_RND01_twin_kept_history_without(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    GUARDS[guard](monkeypatch)
    with pytest.raises(Exception) as found:  # a broken rule, or an error of the site
        KEPT[guard]()
    print(found.value)
