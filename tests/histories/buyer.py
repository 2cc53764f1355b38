"""The buyer's browser at Alipay: opens what 去支付 led to, and does something at the cashier."""

from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlencode, urlsplit

FORM = "application/x-www-form-urlencoded"


class Buyer:
    """Talks to a stand-in over HTTP, on one connection that it opens again where it was cut."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def at_cashier(self, link: str, action: str, buyer: str) -> str:
        """Where the cashier sends the browser after `action`; "" where there is no cashier, or no answer.

        `action`: login, pay, pay-drop (stays at Alipay), refuse, abandon.
        """
        try:
            cashier = self._ask("GET", link)
            return (
                self._ask("POST", cashier, urlencode({"action": action, "buyer": buyer})) if cashier else ""
            )
        except (HTTPException, OSError):
            return ""  # the gateway is down
        finally:
            self._connection.close()

    def _ask(self, verb: str, address: str, body: str | None = None) -> str:
        """Where the answer leads to; "" where it is a page."""
        parts = urlsplit(address)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._connection.request(verb, target, body, {"Content-Type": FORM} if body else {})
        response: HTTPResponse = self._connection.getresponse()
        response.read()
        return response.headers.get("Location", "")
