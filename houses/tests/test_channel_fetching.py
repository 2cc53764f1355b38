"""PRI04: fetching a channel's calendar is bounded in time and size, and leads into no private network."""

import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from houses.channels import fetching
from houses.channels.admin import ChannelForm
from houses.channels.models import Trouble
from houses.channels.reading import Unreadable
from houses.tests.channel_server import Channel, serving
from tests import make


@pytest.fixture
def channel(settings: Settings) -> Iterator[Channel]:
    settings.CHANNELS_ALSO_AT = ("127.0.0.1",)
    with serving() as channel:
        yield channel


def refused(url: str, **tags: str) -> str:
    with pytest.raises(Unreadable) as error:
        fetching.fetch(url, **tags)
    return error.value.trouble


def test_an_answer_comes_with_its_tags(channel: Channel) -> None:
    channel.body = b"hello"
    channel.headers = {"ETag": '"1"', "Last-Modified": "Fri, 27 Nov 2026 10:00:00 GMT"}
    answer = fetching.fetch(channel.url)
    assert (answer.content, answer.etag) == (b"hello", '"1"')
    assert answer.last_modified == "Fri, 27 Nov 2026 10:00:00 GMT"


def test_the_next_request_is_conditional(channel: Channel) -> None:
    channel.headers = {"ETag": '"1"'}
    assert fetching.fetch(channel.url, etag='"1"', last_modified="Fri").content is None
    assert channel.asked[0]["if-none-match"] == '"1"'
    assert channel.asked[0]["if-modified-since"] == "Fri"


def test_tags_that_can_not_be_sent_back_are_dropped(channel: Channel) -> None:
    channel.headers = {"ETag": '"' + "x" * 400, "Last-Modified": "h\xe9"}
    answer = fetching.fetch(channel.url)
    assert (answer.etag, answer.last_modified) == ("", "")


def test_PRI04_a_slow_channel_is_left_at_the_deadline(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "DEADLINE", 0.2)
    channel.drips = True
    began = time.monotonic()
    assert refused(channel.url) == Trouble.SLOW
    assert time.monotonic() - began < 1


def test_PRI04_a_huge_calendar_is_cut_off(channel: Channel) -> None:
    channel.body = b"x" * (fetching.MAX_BYTES + 1)
    assert refused(channel.url) == Trouble.LARGE
    channel.body = b"x" * fetching.MAX_BYTES
    assert len(fetching.fetch(channel.url).content or b"") == fetching.MAX_BYTES


@pytest.mark.parametrize("status", [204, 206, 400, 401, 404, 410, 500])
def test_PRI04_another_status_is_told(channel: Channel, status: int) -> None:
    channel.status = status
    assert refused(channel.url) == Trouble.STATUS


def test_PRI04_redirects_are_followed_to_an_end(channel: Channel) -> None:
    channel.status, channel.headers = 302, {"Location": "/home.ics"}
    assert refused(channel.url) == Trouble.REDIRECTS
    assert len(channel.asked) == fetching.MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("location", "trouble"),
    [
        ("http://127.0.0.2/", Trouble.PRIVATE),
        ("http://169.254.169.254/latest/meta-data/", Trouble.PRIVATE),
        ("http://[::1]/", Trouble.PRIVATE),
        ("file:///etc/passwd", Trouble.ADDRESS),
        ("gopher://127.0.0.1/", Trouble.ADDRESS),
        ("http://user:password@127.0.0.1/", Trouble.ADDRESS),
    ],
)
def test_PRI04_each_redirect_is_checked(channel: Channel, location: str, trouble: str) -> None:
    channel.status, channel.headers = 301, {"Location": location}
    assert refused(channel.url) == trouble


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_PRI04_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    """Checked at the socket: a name may resolve to another address each time that it is asked."""
    with serving() as channel:
        port = channel.url.split(":")[2].split("/")[0]
        assert refused(f"http://{host}:{port}/") == Trouble.PRIVATE
        assert channel.asked == []


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        *((address, True) for address in ("1.1.1.1", "203.119.1.1", "2606:4700::1111", "::ffff:1.1.1.1")),
        *((address, False) for address in ("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.1.1")),
        *((address, False) for address in ("100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255")),
        *(
            (address, False)
            for address in ("240.0.0.1", "198.18.0.1", "192.0.2.1", "::", "::1", "fe80::1%eth0")
        ),
        *(
            (address, False)
            for address in ("fc00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "::127.0.0.1")
        ),
        *((address, False) for address in ("64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1", "2001::1")),
        *((address, False) for address in ("/var/run/docker.sock", "")),
    ],
)
def test_PRI04_only_public_addresses_are_connected_to(address: str, is_public: bool) -> None:
    assert fetching.may_connect(address) == is_public


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://example.com/", "http://", "http://[/", "http://a b/", "http://a:99999/", "//a/b"]
)
def test_other_addresses_are_refused(url: str) -> None:
    assert refused(url) == Trouble.ADDRESS


def test_no_proxy_connects_in_our_place(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/home.ics"))
        assert refused("http://10.0.0.1/") == Trouble.PRIVATE
        assert proxy.asked == []


@pytest.mark.parametrize(
    ("url", "is_inside"),
    [
        *((f"http://{host}/a.ics", True) for host in ("127.0.0.1", "10.0.0.1", "localhost", "[::1]")),
        *((f"https://{host}/a.ics", False) for host in ("www.airbnb.com", "8.8.8.8", "localhost.example")),
    ],
)
@pytest.mark.django_db
def test_PRI04_a_private_address_is_refused_in_the_form(url: str, is_inside: bool) -> None:
    form = ChannelForm({"house": make.house().pk, "channel": "Airbnb", "url": url})
    assert form.has_error("url") == is_inside
