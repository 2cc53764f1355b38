"""Request and reply as the handlers see them, without sockets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Literal
from urllib.parse import parse_qsl

from .errors import Refused

FORM = "application/x-www-form-urlencoded"

# Names of charsets, in lower case, and Python's codecs. GB18030 has what GBK lacks.
CODECS = {"utf-8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
UTF8, GBK = "utf-8", "GBK"

Manner = Literal["whole", "hang", "drip", "broken", "dropped", "huge"]


@dataclass(frozen=True)
class Request:
    verb: str
    path: str
    query: str
    headers: Message
    body: bytes

    def params(self, charset: str = UTF8, errors: str = "strict") -> dict[str, str]:
        """Return the parameters of the address and of the form body together; of one in both, the address's.

        Raises Refused for text that `charset` can't read, a name repeated within either, or more than 100.
        """
        is_form = self.headers.get("Content-Type", "").partition(";")[0].strip() == FORM
        try:
            form = self.body.decode("ascii") if is_form else ""
            return {**_parsed(form, charset, errors), **_parsed(self.query, charset, errors)}
        except UnicodeDecodeError as error:
            raise Refused("isv.invalid-charset") from error
        except ValueError as error:
            raise Refused("isv.suspected-attack") from error

    def charset(self) -> str:
        """Return the charset that the address names. Alipay takes GBK without one, whatever the body says."""
        named = dict(parse_qsl(self.query)).get("charset", GBK)
        return UTF8 if CODECS.get(named.lower()) == "utf-8" else GBK


def _parsed(text: str, charset: str, errors: str) -> dict[str, str]:
    codec = CODECS[charset.lower()]
    pairs = parse_qsl(text, keep_blank_values=True, encoding=codec, errors=errors, max_num_fields=100)
    params = dict(pairs)
    if len(params) != len(pairs):
        raise ValueError("a name is repeated")
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
