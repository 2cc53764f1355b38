"""Verifies returns and notices: raw bytes in, signed parameters out.

Alipay signs values unescaped, so one signed text can be split into parameters in several ways. Only one split
is accepted here: names of letters, digits and `_`, no duplicates, no `&` in a value.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

from payments.alipay.signing import PublicKeys, is_base64, is_signed, none_of, text_to_sign

MAX_BYTES = 64 * 1024
MAX_FIELDS = 100

_NAME = re.compile(r"[A-Za-z0-9_]+")

Params = dict[str, str]


class Rejected(Exception):
    """Not a message from Alipay: malformed, or not signed by it. The text says which."""


def verified(raw: bytes, keys: PublicKeys) -> Params:
    """Verify a return's query string or a notice's body. Returns the signed parameters and `sign_type`.

    Raises Rejected. The signed text contained `sign_type` in some years and not in others; both are tried.
    """
    params, signature = _parse(raw)
    if not is_base64(signature):
        raise Rejected("the signature is not base64")
    without = {name: value for name, value in params.items() if name != "sign_type"}
    for candidate in _with_and_without_empty([without, params]):
        if is_signed(text_to_sign(candidate), signature, keys):
            return {**candidate, "sign_type": "RSA2"}
    raise Rejected(none_of(keys))


def _with_and_without_empty(candidates: list[Params]) -> Iterator[Mapping[str, str]]:
    """Alipay's documents differ on whether empty values are signed: as received first, then without them."""
    yield from candidates
    for candidate in candidates:
        filled = {name: value for name, value in candidate.items() if value}
        if len(filled) < len(candidate):
            yield filled


def _parse(raw: bytes) -> tuple[Params, str]:
    """The parameters without `sign`, and the signature. Raises Rejected."""
    if len(raw) > MAX_BYTES:
        raise Rejected("too long")
    pairs = raw.split(b"&")
    if len(pairs) > MAX_FIELDS:
        raise Rejected("too many fields")
    params: Params = {}
    for pair in pairs:
        name, value = _decoded(pair)
        if name in params:
            raise Rejected(f"{name} is a duplicate")
        params[name] = value
    if params.get("sign_type") != "RSA2":
        raise Rejected("sign_type is not RSA2")
    if params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise Rejected("charset is not utf-8")
    return params, params.pop("sign", "")


def _decoded(pair: bytes) -> tuple[str, str]:
    raw_name, equals, raw_value = pair.partition(b"=")
    try:
        name = _unquoted(raw_name)
        value = _unquoted(raw_value)
    except UnicodeDecodeError as error:
        raise Rejected("not UTF-8") from error
    if not equals or not _NAME.fullmatch(name):
        raise Rejected("a field without a valid name")
    if "&" in value or "\0" in value:
        raise Rejected(f"{name} contains a character that is not allowed")
    return name, value


def _unquoted(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8")
