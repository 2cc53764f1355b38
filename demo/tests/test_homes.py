"""The texts of the demo's homes agree with their data."""

import pytest

from demo import homes
from demo.management.commands.seed_demo import FACILITIES_OF, HOUSES
from houses.described import Entry


@pytest.mark.parametrize("number", range(len(HOUSES)))
def test_the_texts_of_a_home_say_what_its_data_say(number: int) -> None:
    home, facilities = homes.details_of(number), FACILITIES_OF[number].split()
    is_alone = home["entry"] == Entry.SELF
    assert ("钥匙盒" in home["arrival"]) == is_alone
    assert ("key box" in home["arrival_en"]) == (is_alone and bool(home["arrival_en"]))
    texts = home["description"] + home.get("description_en", "")
    for name, zh, en in (
        ("kitchen", "厨房", "kitchen"),
        ("desk", "书桌", "desk"),
        ("lift", "有电梯", "A lift"),
    ):
        assert name in facilities or not (zh in texts or en in texts)
    assert home.get("has_lift", False) == ("lift" in facilities)


@pytest.mark.parametrize("number", range(len(HOUSES)))
def test_the_beds_of_a_home_are_enough_for_its_guests(number: int) -> None:
    home, guests = homes.details_of(number), HOUSES[number][4]
    in_each = {"double_beds": 2, "single_beds": 1, "bunk_beds": 2, "sofa_beds": 1, "tatami_beds": 1}
    assert sum(home.get(name, 0) * people for name, people in in_each.items()) >= guests
