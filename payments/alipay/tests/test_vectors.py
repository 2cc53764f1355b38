"""The adapter verifies messages that Alipay itself signed."""

from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from payments.alipay.answers import Unusable, signed_node, top_level_spans
from payments.alipay.messages import RETURN_FIELDS, Rejected, verified_notice, verified_return
from tests import vectors

VECTORS = vectors.everything()

pytestmark = pytest.mark.skipif(not VECTORS, reason=vectors.ABSENT)


def of_kind(*kinds: str) -> pytest.MarkDecorator:
    chosen = [vector for vector in VECTORS if vector["kind"] in kinds]
    return pytest.mark.parametrize("vector", chosen, ids=[vector["id"] for vector in chosen])


def key_of(vector: dict) -> RSAPublicKey:
    key = load_pem_public_key(vector["public_key"].encode())
    assert isinstance(key, RSAPublicKey)
    return key


def raw_of(vector: dict) -> bytes:
    """The bytes as sent; if only the fields are known, encoded as a form."""
    raw = vector.get("raw_query") or urlencode({**vector["params"], "sign": vector["sign"]})
    return raw.encode()


def verdict(vector: dict, raw: bytes) -> str:
    try:
        params = verified_notice(raw, [key_of(vector)])
    except Rejected:
        return "invalid"
    assert params == vector["params"]
    return "valid"


@of_kind("return")
def test_W2_a_real_return_verifies_without_what_others_append(vector: dict) -> None:
    signed = {name: value for name, value in vector["params"].items() if name in RETURN_FIELDS}
    raw = raw_of(vector) + b"&from=singlemessage&isappinstalled=0"
    assert verified_return(raw, [key_of(vector)]) == signed


def answer_verdict(vector: dict, raw: str) -> str:
    try:
        node = signed_node(raw.encode(), vector["response_key"], [key_of(vector)])
    except Unusable:
        return "invalid"
    assert node == vector["params"]
    return "valid"


def test_every_kind_of_vector_is_judged_here_or_is_a_bill() -> None:
    assert {vector["kind"] for vector in VECTORS} <= {
        "return",
        "notify",
        "response",
        "response-extract",
        "bill",
    }


@of_kind("return", "notify")
def test_a_return_or_notice(vector: dict) -> None:
    assert verdict(vector, raw_of(vector)) == vector["expected"]


@of_kind("return", "notify")
def test_a_return_or_notice_with_one_value_changed(vector: dict) -> None:
    for name in vector["params"]:
        changed = {**vector["params"], name: vector["params"][name] + "0", "sign": vector["sign"]}
        # The signature covers all but sign_type, which must be exactly RSA2.
        assert verdict(vector, urlencode(changed).encode()) == "invalid", name


@of_kind("return", "notify")
def test_a_return_or_notice_with_another_key(vector: dict) -> None:
    others = {other["public_key"] for other in VECTORS if "public_key" in other} - {vector["public_key"]}
    assert others
    for pem in others:
        assert verdict({**vector, "public_key": pem}, raw_of(vector)) == "invalid"


@of_kind("response")
def test_an_answer(vector: dict) -> None:
    assert answer_verdict(vector, vector["raw_body"]) == vector["expected"]


@of_kind("response")
def test_an_answer_with_one_character_changed(vector: dict) -> None:
    body = vector["raw_body"]
    start = body.index(vector["content"])
    assert start > 0
    for n in range(0, len(vector["content"]), 7):
        at = start + n
        changed = body[:at] + ("0" if body[at] != "0" else "1") + body[at + 1 :]
        assert answer_verdict(vector, changed) == "invalid"
    assert answer_verdict(vector, body.replace('":"', '": "', 1)) == "invalid"


@of_kind("response", "response-extract")
def test_the_signed_text_of_an_answer_is_found(vector: dict) -> None:
    assert top_level_spans(vector["raw_body"])[vector["response_key"]] == vector["content"]
