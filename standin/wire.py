"""Request and reply as the handlers see them, without sockets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Literal
from urllib.parse import parse_qsl

from .errors import Refused

FORM = "application/x-www-form-urlencoded"

Manner = Literal["whole", "hang", "drip", "broken", "dropped", "huge"]


@dataclass(frozen=True)
class Request:
    verb: str
    path: str
    query: str
    headers: Message
    body: bytes

    def params(self) -> dict[str, str]:
        """Return the parameters of the query string and the form body together.

        Raises Refused for text that is not UTF-8, a repeated name, or more than 100 parameters.
        """
        form = self.body if self.headers.get("Content-Type", "").partition(";")[0].strip() == FORM else b""
        try:
            text = "&".join(filter(None, (self.query, form.decode("ascii"))))
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
        except UnicodeDecodeError as error:
            raise Refused("isv.invalid-charset") from error
        except ValueError as error:
            raise Refused("isv.suspected-attack") from error
        params = dict(pairs)
        if len(params) != len(pairs):
            raise Refused("isv.suspected-attack")
        return params


@dataclass(frozen=True)
class Reply:
    """A reply, and the manner in which it is sent (all but "whole" are faults)."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Manner = "whole"


def redirect(address: str, status: int = 302) -> Reply:
    return Reply(status=status, headers={"Location": address})
