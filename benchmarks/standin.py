"""Client of the stand-in's control API: the buyer's actions and signed messages."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


class Alipay:
    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._do("faults", name="notify.lost")  # the benchmarks post the notices themselves

    def open_pay_link(self, link: str) -> None:
        """Open a pay link as the browser does, which registers the number at the stand-in."""
        status, _ = self._request("GET", link)
        assert status == 302, f"the stand-in refused a pay request: {status}"

    def pay(self, out_trade_no: str) -> None:
        self._do("pay", out_trade_no=out_trade_no)

    def sign_in(self, out_trade_no: str) -> None:
        """Sign the buyer in at the cashier without paying."""
        self._do("open", out_trade_no=out_trade_no)

    def clock(self, offset_seconds: int) -> None:
        """Set Alipay's clock ahead of the machine's."""
        self._do("clock", offset_seconds=offset_seconds)

    def trades(self) -> list[dict[str, Any]]:
        """Return its ledger."""
        return list(json.loads(self._request("GET", "/_standin/trades")[1]))

    def fault(self, name: str) -> None:
        self._do("faults", name=name)

    def clear_fault(self, name: str) -> None:
        self._do("faults/clear", name=name)

    def signed_return(self, out_trade_no: str) -> str:
        """Return the query string of a signed return."""
        return str(self._do("signed_return", out_trade_no=out_trade_no))

    def signed_notify(self, out_trade_no: str) -> bytes:
        return str(self._do("signed_notify", out_trade_no=out_trade_no)).encode()

    def _do(self, action: str, **fields: object) -> object:
        status, body = self._request("POST", f"/_standin/{action}", json.dumps(fields))
        assert status == 200, f"the stand-in refused {action}: {body!r}"
        return json.loads(body)

    def _request(self, method: str, path: str, body: str = "") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, timeout=10)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
