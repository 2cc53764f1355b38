"""The buyer's browser at Alipay: opens a pay link and acts at the cashier."""

from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlencode, urlsplit

FORM = "application/x-www-form-urlencoded"


class Buyer:
    """HTTP client of a stand-in, with one connection that reconnects when needed."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def at_cashier(self, link: str, action: str, buyer: str) -> str:
        """Return the address the cashier redirects to after `action`, "" if there is no cashier or no answer.

        `action`: login, pay, pay-drop (stays at Alipay), refuse, abandon.
        """
        try:
            cashier = self._request("GET", link)
            form = urlencode({"action": action, "buyer": buyer})
            return self._request("POST", cashier, form) if cashier else ""
        except (HTTPException, OSError):
            return ""  # the gateway is down
        finally:
            self._connection.close()

    def _request(self, verb: str, address: str, body: str | None = None) -> str:
        """Send a request; return the redirect's address, "" if the answer is a page."""
        parts = urlsplit(address)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._connection.request(verb, target, body, {"Content-Type": FORM} if body else {})
        response: HTTPResponse = self._connection.getresponse()
        response.read()
        return response.headers.get("Location", "")
