"""SEC13: one code, or one recovery code, in two requests at once."""

from functools import partial

import pytest
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.factors import app_codes, recovery
from accounts.models import AccountEvent, User
from tests import make
from tests.factors import code_of, with_app
from tests.interleaving import before
from tests.races import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owner() -> User:
    return make.user(is_staff=True, is_superuser=True)


def one_code_in_two_requests(owner: User) -> list[bool]:
    """Let the second request in between reading and writing of the first."""
    code, opened = code_of(with_app(owner)), []
    with before("accounts.factors.app_codes._use_up", lambda: opened.append(app_codes.accept(owner, code))):
        opened.append(app_codes.accept(owner, code))
    return opened


def test_SEC13_one_code_in_two_requests_opens_once(owner: User) -> None:
    assert one_code_in_two_requests(owner) == [True, False]


def test_SEC13_twin_one_code_opens_twice(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def save_as_read(device: TOTPDevice, step: int) -> bool:
        device.last_t = step
        device.save()
        return True

    monkeypatch.setattr(app_codes, "_use_up", save_as_read)  # as django-otp does
    assert one_code_in_two_requests(owner) == [True, True]


def test_SEC13_one_code_in_eight_requests_at_once_opens_once(owner: User) -> None:
    code = code_of(with_app(owner))
    assert sum(at_once(*[partial(app_codes.accept, owner, code)] * 8)) == 1


def test_SEC13_one_recovery_code_in_eight_requests_at_once_opens_once(owner: User) -> None:
    code = recovery.renew(owner)[0]
    assert sum(at_once(*[partial(recovery.use, owner, code)] * 8)) == 1
    assert AccountEvent.objects.filter(kind="CODE_USED").count() == 1


def test_two_apps_at_once_leave_one(owner: User) -> None:
    devices = [app_codes.device_of(owner, app_codes.new_offer(owner)) for _ in range(4)]
    assert all(at_once(*[partial(app_codes.set_up, device, code_of(device)) for device in devices]))
    assert TOTPDevice.objects.filter(user=owner).count() == 1
