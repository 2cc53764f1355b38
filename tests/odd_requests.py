"""Requests as strangers and scanners send them, byte for byte."""

import socket

HEAD = "Host: testserver\r\nConnection: close\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
SIGN_IN = "/accounts/login/"
MULTIPART = "Content-Type: multipart/form-data; boundary=B\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
TOKEN = "a" * 32
SAME_SITE = f"Cookie: csrftoken={TOKEN}\r\nOrigin: http://testserver\r\n"
WITH_TOKEN = f"csrfmiddlewaretoken={TOKEN}"


def get(target: str, headers: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\n{HEAD}{headers}\r\n".encode("latin-1")


def post(target: str, headers: str, body: str, length: int | None = None) -> bytes:
    size = "" if CHUNKED in headers else f"Content-Length: {len(body) if length is None else length}\r\n"
    return f"POST {target} HTTP/1.1\r\n{HEAD}{SAME_SITE}{headers}{size}\r\n{body}".encode("latin-1")


_MANY = "&".join(f"a{n}=1" for n in range(1200))
_FILES = "".join(
    f'--B\r\nContent-Disposition: form-data; name="f{n}"; filename="x"\r\n\r\nx\r\n' for n in range(120)
)

REQUESTS = {
    "a line break in the path": get("/x%0aFORGED%20line"),
    "a return and a line break in the path": get("/x%0d%0aFORGED%20line"),
    "line breaks of Unicode in the path": get("/x%c2%85FORGED%e2%80%a8FORGED%e2%80%ae"),
    "an escape sequence in the path": get("/%1b%5b2J%1b%5b31mFORGED"),
    "a NUL in the path": get("/x%00y"),
    "a NUL in a static file's path": get("/static/css/%00base.css"),
    "a NUL in a photo's path": get("/media/%00.webp"),
    "a photo outside": get("/media/../../etc/passwd"),
    "a photo outside, encoded": get("/media/%2e%2e%2f%2e%2e%2fetc/passwd"),
    "a photo with a long name": get("/media/" + "a" * 190 + "/" + "b" * 10),
    "a photo of a very long name": get("/media/" + "%e6%88%bf" * 199),
    "a static file of a very long name": get("/static/" + "a" * 4000),
    "bytes that are no UTF-8": get("/%ff%fe%c3"),
    "half a surrogate": get("/%ed%a0%80"),
    "raw bytes": get("/\xff\xfe"),
    "a huge house number": get("/houses/" + "9" * 60 + "/"),
    "a huge page number": get("/?page=" + "9" * 5000),
    "a huge area": get("/?area=" + "9" * 60),
    "a NUL in a field": get("/?area=%00&check_in=%00&sort=%00"),
    "odd filters": get("/?place=%00%ff&price_from=9e9&price_to=%d9%a3&bedrooms=-1&facilities=%00,1"),
    "very many facilities": get("/?" + "&".join(f"facilities={n}" for n in range(900))),
    "a long place": get("/?place=" + "%e6%88%bf" * 900),
    "an odd heart": post("/houses/1/favourite/", FORM, f"{WITH_TOKEN}&kept=%00&next=//evil%0aFORGED"),
    "a month that isn't": get("/houses/1/?month=99999-99&check_in=0000-00-00"),
    "too many fields": get("/?" + _MANY),
    "too many fields at sign-in": post(SIGN_IN, FORM, _MANY),
    "too many fields in a booking": post("/houses/1/book/", FORM, _MANY),
    "too many fields in the address": get("/?" + "&".join("a" * 1200)),
    "too many files": post(SIGN_IN, MULTIPART, _FILES + "--B--\r\n"),
    "too long a form": post(SIGN_IN, FORM, "a=" + "x" * 2_700_000),
    "too long a review": post("/orders/26112600000000/review/", FORM, "text=" + "x" * 2_700_000),
    "a form cut off": post(SIGN_IN, MULTIPART, "--B\r\nContent-Disp", length=900),
    "a notice cut off": post("/payments/notify/", FORM, "a=1", length=900),
    "a form in bad chunks": post(SIGN_IN, FORM + CHUNKED, "zz\r\na=1\r\n0\r\n\r\n"),
    "two lengths at once": post(SIGN_IN, FORM + CHUNKED + "Content-Length: 5\r\n", "0\r\n\r\n"),
    "a multipart form in bad chunks": post(SIGN_IN, MULTIPART + CHUNKED, "5\r\n--B"),
    "a notice in bad chunks": post("/payments/notify/", FORM + CHUNKED, "zz\r\na=1\r\n0\r\n\r\n"),
    "a form without a boundary": post(SIGN_IN, "Content-Type: multipart/form-data\r\n", "x"),
    "a bad boundary": post(SIGN_IN, "Content-Type: multipart/form-data; boundary=\xff\r\n", "x"),
    "bad base64 in a part": post(
        SIGN_IN,
        MULTIPART,
        "--B\r\nContent-Disposition: form-data; name=a\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n!\r\n--B--\r\n",
    ),
    "another charset": post(SIGN_IN, FORM.replace("\r\n", "; charset=utf-7\r\n"), "a=1"),
    "another host": b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "a host that is none": b"GET / HTTP/1.1\r\nHost: a b%0aFORGED\r\nConnection: close\r\n\r\n",
    "no host": b"GET / HTTP/1.0\r\n\r\n",
    "a forged address": get("/nowhere/", "X-Forwarded-For: 1.2.3.4%0aFORGED\r\n"),
    "a forged referer": get("/nowhere/", "Referer: x\x0bFORGED\r\n"),
    "odd cookies": get("/orders/", "Cookie: sessionid=\x7f\xff; csrftoken=x; messages=!!!\r\n"),
    "an odd language": get("/", "Cookie: django_language=../../etc\r\nAccept-Language: \xff\r\n"),
    "an odd range": get("/static/css/base.css", "Range: bytes=9-1,x\r\n"),
    "an odd date": get("/media/none.webp", "If-Modified-Since: Thu, 99 Foo 99999\r\n"),
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: testserver\r\nConnection: close\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03FORGED\n\r\n\r\n",
    "a bad version": b"GET /x?sign=FORGED HTTP/9.9\r\n\r\n",
    "a long request line": get("/" + "x" * 9000),
    "a long query": get("/?q=" + "x" * 9000),
    "a query below the limit": get("/?place=" + "x" * 8000),
    "a long header": get("/", "X-Long: " + "x" * 9000 + "\r\n"),
    "many headers": get("/", "".join(f"X-{n}: 1\r\n" for n in range(90))),
    "an absolute address": get("http://evil.example/"),
    "an odd admin address": get("/admin/orders/order/_00/change/?_changelist_filters=%00&e=1"),
    "an odd search in the admin": get("/admin/orders/order/?q=%00&p=-1&o=x"),
    "sign-in with a NUL": post(SIGN_IN, FORM, f"{WITH_TOKEN}&username=%00&password=%00&next=%00"),
    "an odd language form": post("/i18n/setlang/", FORM, f"{WITH_TOKEN}&language=%00&next=//evil/%0aFORGED"),
    "an odd return": get("/payments/paycomplete/?out_trade_no=%00&sign=%ff%0aFORGED&a=%zz"),
    "an odd notice": post("/payments/notify/", FORM, "out_trade_no=%00%0aFORGED&sign=%ff"),
}  # fmt: skip


def send(port: int, request: bytes) -> bytes:
    """Send it and return the whole answer; empty if the connection is cut."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        try:
            peer.sendall(request)
            peer.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: peer.recv(65536), b""))
        except ConnectionError:
            return b""
