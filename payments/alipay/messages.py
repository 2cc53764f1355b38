"""Verifies returns and notices: raw bytes in, signed parameters out.

Alipay signs values unescaped, so one signed text can be split into parameters in several ways. Only one split
is accepted here: names of letters, digits and `_`, no duplicates, no `&` in a value that could begin another
parameter.
"""

import enum
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

from payments.alipay.signing import PublicKeys, is_base64, is_signed, none_of, text_to_sign

MAX_BYTES = 64 * 1024
MAX_FIELDS = 100

RETURN_FIELDS = frozenset(
    (
        *("app_id", "auth_app_id", "charset", "method", "out_trade_no", "seller_id", "sign", "sign_type"),
        *("timestamp", "total_amount", "trade_no", "version"),
    )
)
"""The parameters of a return, as documented and in every real one."""

_NAME = re.compile(r"[A-Za-z0-9_]+")
_BEGINS_A_PARAMETER = re.compile(rf"&{_NAME.pattern}=")
_CODECS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}

Params = dict[str, str]


class Reason(enum.StrEnum):
    """Reason of a rejection: the label of the metric."""

    TOO_LONG = "too long"
    TOO_MANY_FIELDS = "too many fields"
    NOT_BASE64 = "not base64"
    DUPLICATE = "duplicate"
    SIGN_TYPE = "sign_type"
    CHARSET = "charset"
    NOT_ALLOWED = "not allowed"
    NO_NAME = "without a valid name"
    NOT_FORM_ENCODED = "not form-encoded"
    SIGNATURE = "signature"


class Rejected(Exception):
    """Not a message from Alipay: malformed, or not signed by it. The text is for staff."""

    def __init__(self, reason: Reason, text: str = "") -> None:
        super().__init__(text or reason.value)
        self.reason = reason


def verified_notice(raw: bytes, keys: PublicKeys) -> Params:
    """Verify a notice's body. Returns the signed parameters and `sign_type`. Raises Rejected."""
    return _verified(_pairs(raw), keys)


def verified_return(raw: bytes, keys: PublicKeys) -> Params:
    """Verify a return's query string. Returns the signed parameters and `sign_type`. Raises Rejected.

    Messengers and trackers append parameters of their own: if all together do not verify, the documented ones
    alone are tried. What is not signed is never returned.
    """
    pairs = _pairs(raw)
    try:
        return _verified(pairs, keys)
    except Rejected:
        documented = [pair for pair in pairs if pair.partition(b"=")[0].decode("latin-1") in RETURN_FIELDS]
        if documented == pairs:
            raise
        return _verified(documented, keys)


def _pairs(raw: bytes) -> list[bytes]:
    """`name=value`, still escaped; empty ones, as after a trailing `&`, left out. Raises Rejected."""
    if len(raw) > MAX_BYTES:
        raise Rejected(Reason.TOO_LONG)
    pairs = [pair for pair in raw.split(b"&") if pair]
    if len(pairs) > MAX_FIELDS:
        raise Rejected(Reason.TOO_MANY_FIELDS)
    return pairs


def _verified(pairs: list[bytes], keys: PublicKeys) -> Params:
    """The signed text contained `sign_type` in some years and not in others; both are tried."""
    params, signature, codec = _parse(pairs)
    if not is_base64(signature):
        raise Rejected(Reason.NOT_BASE64, "the signature is not base64")
    without = {name: value for name, value in params.items() if name != "sign_type"}
    for candidate in _with_and_without_empty([without, params]):
        if is_signed(text_to_sign(candidate).encode("latin-1"), signature, keys):
            return {name: _decoded(value, codec) for name, value in candidate.items()} | {"sign_type": "RSA2"}
    raise Rejected(Reason.SIGNATURE, none_of(keys))


def _with_and_without_empty(candidates: list[Params]) -> Iterator[Mapping[str, str]]:
    """Alipay's documents differ on whether empty values are signed: as received first, then without them."""
    yield from candidates
    for candidate in candidates:
        filled = {name: value for name, value in candidate.items() if value}
        if len(filled) < len(candidate):
            yield filled


def _parse(pairs: list[bytes]) -> tuple[Params, str, str]:
    """The parameters without `sign`, the signature, and the codec of the values. Raises Rejected.

    Values are one character for each byte, since the signature covers the bytes of the message's own charset.
    """
    params: Params = {}
    for pair in pairs:
        name, value = _unescaped(pair)
        if name in params:
            raise Rejected(Reason.DUPLICATE, f"{name} is a duplicate")
        params[name] = value
    if params.get("sign_type") != "RSA2":
        raise Rejected(Reason.SIGN_TYPE, "sign_type is not RSA2")
    codec = _CODECS.get(params.get("charset", "utf-8").lower())
    if codec is None:
        raise Rejected(Reason.CHARSET, "charset is neither utf-8 nor gbk")
    for name, value in params.items():
        text = _decoded(value, codec)
        if "\0" in text or _BEGINS_A_PARAMETER.search(text):
            raise Rejected(Reason.NOT_ALLOWED, f"{name} contains a character that is not allowed")
    return params, params.pop("sign", ""), codec


def _unescaped(pair: bytes) -> tuple[str, str]:
    raw_name, equals, raw_value = pair.replace(b"+", b" ").partition(b"=")
    name = unquote_to_bytes(raw_name).decode("latin-1")
    if not equals or not _NAME.fullmatch(name):
        raise Rejected(Reason.NO_NAME, "a field without a valid name")
    return name, unquote_to_bytes(raw_value).decode("latin-1")


def _decoded(value: str, codec: str) -> str:
    try:
        return value.encode("latin-1").decode(codec)
    except UnicodeDecodeError as error:
        raise Rejected(Reason.SIGNATURE, f"not {codec}") from error
