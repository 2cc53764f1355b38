import pytest
from django.test import RequestFactory
from pytest_django import Settings

from core.client_address import client_address

PROXY, VISITOR, INVENTED = "127.0.0.1", "198.51.100.7", "203.0.113.66"


def address(forwarded: str | None, peer: str = PROXY) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer))


@pytest.mark.parametrize("forwarded", [None, "", INVENTED, f"{INVENTED}, {VISITOR}", "nonsense"])
def test_SEC07_without_a_trusted_proxy_the_peer_counts(settings: Settings, forwarded: str | None) -> None:
    settings.TRUST_PROXY = False
    assert address(forwarded, peer=VISITOR) == VISITOR


@pytest.mark.parametrize(
    "forwarded",
    [
        VISITOR,
        f"{INVENTED}, {VISITOR}",
        f"{INVENTED},{INVENTED} ,\t{VISITOR} ",
        f"127.0.0.1, unknown, {VISITOR}",
        f"::ffff:{VISITOR}",
    ],
)
def test_SEC07_only_the_address_that_our_proxy_added_counts(settings: Settings, forwarded: str) -> None:
    settings.TRUST_PROXY = True
    assert address(forwarded) == VISITOR


@pytest.mark.parametrize("forwarded", [None, "", "unknown", f"{VISITOR}, ", f"{VISITOR}:80", "a\nFORGED"])
def test_SEC07_without_a_usable_address_the_peer_counts(settings: Settings, forwarded: str | None) -> None:
    settings.TRUST_PROXY = True
    assert address(forwarded) == PROXY


@pytest.mark.parametrize("peer", ["", "a socket"])
def test_a_peer_without_an_address_is_a_dash(settings: Settings, peer: str) -> None:
    settings.TRUST_PROXY = False
    assert address(None, peer=peer) == "-"


@pytest.mark.parametrize("spelling", ["2001:DB8::1", "2001:0db8:0:0:0:0:0:1", "2001:db8::1%FORGED"])
def test_an_address_has_one_spelling(settings: Settings, spelling: str) -> None:
    settings.TRUST_PROXY = True
    assert address(spelling) == "2001:db8::1"
