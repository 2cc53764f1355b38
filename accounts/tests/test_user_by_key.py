"""User.objects.get(pk=…), which the session of each page calls, beside the plain queryset."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests import make

pytestmark = pytest.mark.django_db


def test_it_is_the_row_of_the_queryset() -> None:
    user, _other = make.user(), make.user()
    with CaptureQueriesContext(connection) as sent:
        found, plain = User.objects.get(pk=user.pk), User.objects.all().get(pk=user.pk)
    columns = [field.attname for field in User._meta.concrete_fields]
    assert [getattr(found, name) for name in columns] == [getattr(plain, name) for name in columns]
    ours, djangos = (query["sql"] for query in sent.captured_queries)
    assert djangos.startswith(ours)  # get() has a limit of its own


@pytest.mark.parametrize("key", [0, None, "0"])
def test_a_user_who_is_not_there(key: object) -> None:
    with pytest.raises(User.DoesNotExist):
        User.objects.get(pk=key)


def test_a_related_manager_keeps_its_condition() -> None:
    user, group = make.user(), Group.objects.create(name="readers")
    with pytest.raises(User.DoesNotExist):
        group.user_set.get(pk=user.pk)
    group.user_set.add(user)
    assert group.user_set.get(pk=user.pk) == user
