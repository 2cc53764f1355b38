"""L2: save() of a row that was read writes what was changed since. Users are such rows."""

import pytest
from django.db import DatabaseError, transaction

from accounts.models import User
from tests import make

pytestmark = pytest.mark.django_db


def change_elsewhere(user: User, **columns: object) -> None:
    User.objects.filter(pk=user.pk).update(**columns)


def in_database(user: User) -> User:
    return User.objects.get(pk=user.pk)


@pytest.fixture
def user() -> User:
    return in_database(make.user(name="Lin", email="lin@example.com"))


def test_L2_only_changed_columns_are_written(user: User) -> None:
    change_elsewhere(user, is_active=False, email="new@example.com")
    user.name = "Lin Xiaoman"
    user.save()
    row = in_database(user)
    assert (row.name, row.email, row.is_active) == ("Lin Xiaoman", "new@example.com", False)


def test_nothing_changed_is_no_statement(user: User, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        user.save()


def test_a_new_row_is_written_whole_and_then_by_column() -> None:
    user = make.user(name="Lin")
    change_elsewhere(user, is_active=False)
    user.name = "L."
    user.save()
    assert (in_database(user).name, in_database(user).is_active) == ("L.", False)


def test_columns_that_one_save_left_out_are_written_by_the_next(user: User) -> None:
    user.name, user.email = "L.", "l@example.com"
    user.save(update_fields=["name"])
    user.save()
    assert (in_database(user).name, in_database(user).email) == ("L.", "l@example.com")


def test_columns_that_were_read_later_are_compared_with_that(user: User) -> None:
    part = User.objects.only("name").get(pk=user.pk)
    assert part.email == "lin@example.com"
    change_elsewhere(user, email="new@example.com", is_active=False)
    part.refresh_from_db(fields=["email"])
    part.name = "L."
    part.save()
    row = in_database(user)
    assert (row.name, row.email, row.is_active) == ("L.", "new@example.com", False)
    part.email = "new2@example.com"
    part.save()
    assert in_database(user).email == "new2@example.com"


def test_a_row_that_was_deleted_is_not_written_anew(user: User) -> None:
    User.objects.filter(pk=user.pk).delete()
    user.name = "L."
    with pytest.raises(DatabaseError, match="did not affect"), transaction.atomic():
        user.save()
    assert not User.objects.filter(pk=user.pk).exists()
