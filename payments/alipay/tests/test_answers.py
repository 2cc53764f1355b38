"""Alipay's answers: which bytes are signed, and which result a signed answer gives."""

import json
from base64 import b64encode
from datetime import datetime
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.alipay.answers import (
    BEIJING,
    BillAt,
    Closed,
    NoBill,
    NotExisting,
    Paid,
    Refused,
    TooManyCalls,
    Unknown,
    Unusable,
    Waiting,
    WrongDay,
    beijing_time,
    bill_result,
    close_result,
    query_result,
    refund_query_result,
    refund_result,
    signed_node,
    top_level_spans,
)

NAME = "alipay_trade_query_response"
NUMBER = "26112200000001_1"


ALIPAYS, OURS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


def signature(text: str, key: rsa.RSAPrivateKey = ALIPAYS) -> str:
    return b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def signed(node: str, before: str = "", after: str = "") -> bytes:
    return f'{{{before}"{NAME}":{node},"sign":"{signature(node)}"{after}}}'.encode()


def node_of(body: bytes) -> dict:
    return dict(signed_node(body, NAME, [ALIPAYS.public_key()]))


# --- which bytes are signed -------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=6), JSON_VALUES, max_size=4),
    st.sampled_from([None, (",", ":"), (" , ", " : ")]),
    st.booleans(),
)
def test_every_member_is_found_as_it_stands(
    members: dict, separators: tuple[str, str] | None, ascii_only: bool
) -> None:
    text = json.dumps(members, separators=separators, ensure_ascii=ascii_only)
    if not members:
        with pytest.raises(ValueError):
            top_level_spans(text)
        return
    spans = top_level_spans(text)
    assert list(spans) == list(members)
    assert all(span in text for span in spans.values())
    assert {name: json.loads(span) for name, span in spans.items()} == members


@given(st.text(alphabet='{}[]",:\\ ab1', max_size=40))
def test_any_text_gives_spans_or_an_error(text: str) -> None:
    try:
        spans = top_level_spans(text)
    except (ValueError, RecursionError):
        return
    assert json.loads(text).keys() == spans.keys()


@pytest.mark.parametrize(
    "value",
    ["{", "}", "}}}{", '\\"}', "\\\\", "[", ']},\\"sign\\":\\"x', "\\u007b", "\\/", "😀 房", '{\\"a\\":1'],
    ids=str,
)
def test_QRY14_braces_and_quotes_inside_a_value(value: str) -> None:
    """The SDK counts braces inside strings, too, and rejects such an answer as forged."""
    node = f'{{"code":"10000","subject":"{value}"}}'
    assert node_of(signed(node)) == json.loads(node)


@pytest.mark.parametrize("before", ["", '"sign_type":"RSA2",', ' "alipay_cert_sn" : "a}{b" , '])
@pytest.mark.parametrize("after", ["", ',"x":{"y":[1,{"z":"}"}]}', "\r\n\t "])
def test_other_members_around_it(before: str, after: str) -> None:
    assert node_of(signed('{"code":"10000"}', before, after)) == {"code": "10000"}


def test_the_signature_may_come_first() -> None:
    node = '{"code":"10000"}'
    assert node_of(f' {{"sign":"{signature(node)}" , "{NAME}" : {node} }}\n'.encode()) == {"code": "10000"}


def test_space_inside_the_node_is_signed_with_it() -> None:
    assert node_of(signed('{ "code" : "10000" }')) == {"code": "10000"}
    with pytest.raises(Unusable, match="signed with none of the known keys"):
        node_of(signed('{"code":"10000"}').replace(b'"code":', b'"code": '))


GOOD = '{"code":"10000"}'


def twice(first: str, second: str) -> bytes:
    return f'{{"{NAME}":{first},"{NAME}":{second},"sign":"{signature(GOOD)}"}}'.encode()


UNUSABLE = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
    "text": b'"x"',
    "number": b"1",
    "HTML": b"<html><body>busy</body></html>",
    "cut in half": signed(GOOD)[:60],
    "text after it": signed(GOOD) + b"{}",
    "GBK": '{"x":"房"}'.encode("gbk"),
    "UTF-16": signed(GOOD).decode().encode("utf-16"),
    "BOM": b"\xef\xbb\xbf" + signed(GOOD),
    "unsigned": f'{{"{NAME}":{GOOD}}}'.encode(),
    "sign null": f'{{"{NAME}":{GOOD},"sign":null}}'.encode(),
    "sign empty": f'{{"{NAME}":{GOOD},"sign":""}}'.encode(),
    "sign a number": f'{{"{NAME}":{GOOD},"sign":1}}'.encode(),
    "sign a list": f'{{"{NAME}":{GOOD},"sign":["{signature(GOOD)}"]}}'.encode(),
    "sign not base64": f'{{"{NAME}":{GOOD},"sign":"房!"}}'.encode(),
    "sign of our app's": f'{{"{NAME}":{GOOD},"sign":"{signature(GOOD, OURS)}"}}'.encode(),
    "sign of another text": f'{{"{NAME}":{GOOD},"sign":"{signature("{}")}"}}'.encode(),
    "named twice, good first": twice(GOOD, '{"code":"40004"}'),
    "named twice, good last": twice('{"code":"40004"}', GOOD),
    "named twice, escaped": (
        f'{{"{NAME}":{GOOD},"\\u0061{NAME[1:]}":{{"code":"1"}},"sign":"{signature(GOOD)}"}}'.encode()
    ),
    "signed twice": f'{{"{NAME}":{GOOD},"sign":"x","sign":"{signature(GOOD)}"}}'.encode(),
    "another name": signed(GOOD).replace(b"query", b"close"),
    "only an error": b'{"error_response":{"code":"40002","sub_code":"isv.invalid-app-id"}}',
    "encrypted": signed('"bm90IGpzb24="'),
    "node a list": signed("[]"),
    "node null": signed("null"),
    "deep list": b"[" * 60_000,
    "deep object": b'{"a":' * 10_000,
    "deep node": f'{{"{NAME}":{"[" * 30_000}{"]" * 30_000},"sign":"x"}}'.encode(),
    "deep sign": f'{{"{NAME}":{GOOD},"sign":{"[" * 30_000}{"]" * 30_000}}}'.encode(),
    "deep and signed": signed("[" * 30_000 + "]" * 30_000),
    "huge int": f'{{"{NAME}":{{"code":{"9" * 50_000}}},"sign":"x"}}'.encode(),
    "huge int, signed": signed(f'{{"code":{"9" * 50_000}}}'),
    "huge int beside it": signed(GOOD, before=f'"n":{"9" * 50_000},'),
}


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_QRY03_an_unusable_answer_is_refused_with_a_short_reason(body: bytes) -> None:
    with pytest.raises(Unusable) as unusable:
        node_of(body)
    assert str(unusable.value)
    assert len(str(unusable.value)) < 200


def test_an_unsigned_refusal_gives_its_code_for_the_log() -> None:
    with pytest.raises(Unusable, match=r"40002 isv\.invalid-app-id"):
        node_of(UNUSABLE["only an error"])


@settings(max_examples=300)
@given(st.data())
def test_QRY03_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    body = signed('{"code":"10000","subject":"{\\/}","total_amount":"0.01"}')
    at = data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[at] = data.draw(st.integers(0, 255))
    try:
        node = node_of(bytes(changed))
    except Unusable:
        return
    assert node == node_of(body)


# --- results ------------------------------------------------------------------------------------------------

PAID = {
    "code": "10000",
    "out_trade_no": NUMBER,
    "trade_no": "2026112222001",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "300.00",
    "send_pay_date": "2026-11-22 20:14:43",
}


def test_QRY01_paid() -> None:
    expected = Paid("2026112222001", 30000, datetime(2026, 11, 22, 20, 14, 43, tzinfo=BEIJING))
    assert query_result(PAID, NUMBER) == expected
    assert query_result({**PAID, "trade_status": "TRADE_FINISHED"}, NUMBER) == expected


def test_a_sandbox_answer_whose_other_amounts_are_zero_is_paid() -> None:
    node = {**PAID, "receipt_amount": "0.00", "buyer_pay_amount": "0.00", "invoice_amount": "0.00"}
    assert query_result(node, NUMBER).total_fen == 30000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"trade_status": "WAIT_BUYER_PAY"}, Waiting),
        ({"trade_status": "TRADE_CLOSED"}, Closed),
        ({"trade_status": "TRADE_PENDING"}, Unknown),
        ({"trade_status": "trade_success"}, Unknown),
        ({"trade_status": None}, Unknown),
        ({"trade_status": ["TRADE_SUCCESS"]}, Unknown),
        ({"trade_status": {"a": 1}}, Unknown),
        ({"out_trade_no": "26112200000001_2"}, Unknown),
        ({"out_trade_no": NUMBER.replace("1", "１")}, Unknown),
        ({"out_trade_no": None}, Unknown),
        ({"out_trade_no": [NUMBER]}, Unknown),
        ({"total_amount": "300"}, Unknown),
        ({"total_amount": 300.0}, Unknown),
        ({"total_amount": 300}, Unknown),
        ({"total_amount": "-300.00"}, Unknown),
        ({"total_amount": "3e2"}, Unknown),
        ({"total_amount": None}, Unknown),
        ({"trade_no": ""}, Unknown),
        ({"trade_no": 2026}, Unknown),
        ({"trade_no": "x" * 65}, Unknown),
        ({"trade_no": "<script>"}, Unknown),
    ],
    ids=str,
)
def test_QRY02_other_signed_answers(changes: dict, expected: type) -> None:
    assert isinstance(query_result({**PAID, **changes}, NUMBER), expected)


@pytest.mark.parametrize("name", ["out_trade_no", "trade_status", "trade_no", "total_amount"])
def test_QRY02_a_missing_field_makes_it_unknown(name: str) -> None:
    node = {key: value for key, value in PAID.items() if key != name}
    assert isinstance(query_result(node, NUMBER), Unknown)


@pytest.mark.parametrize(
    ("code", "sub_code", "expected"),
    [
        ("40004", "ACQ.TRADE_NOT_EXIST", NotExisting()),
        ("40004", "TRADE_NOT_EXIST", NotExisting()),
        ("40004", "ACQ.SYSTEM_ERROR", Unknown),
        ("40004", "SYSTEM_ERROR", Unknown),
        ("20000", "isp.unknow-error", Unknown),
        ("20000", "aop.unknow-error", Unknown),
        ("20000", "ACQ.TRADE_NOT_EXIST", Unknown),
        ("40004", "ACQ.TRADE_STATUS_ERROR", Refused("40004", "ACQ.TRADE_STATUS_ERROR")),
        ("40002", "isv.invalid-signature", Refused("40002", "isv.invalid-signature")),
        ("40005", "isv.app-call-limited", Refused("40005", "isv.app-call-limited")),
        ("40006", "", Refused("40006", "")),
        ("", "", Unknown),
        ("10000 ", "", Refused("10000 ", "")),
    ],
)
def test_QRY04_codes_are_known_by_name(code: str, sub_code: str, expected: object) -> None:
    """An error is one even if the other fields look like a payment."""
    for parse in (query_result, close_result):
        result = parse({**PAID, "code": code, "sub_code": sub_code}, NUMBER)
        assert isinstance(result, expected) if isinstance(expected, type) else result == expected


@pytest.mark.parametrize("code", [None, 1e4, True, [], {"code": "10000"}, "x" * 1000])
def test_QRY04_odd_codes_are_no_success(code: object) -> None:
    result = query_result({**PAID, "code": code}, NUMBER)
    assert isinstance(result, Refused | Unknown)
    assert len(repr(result)) < 300


def test_close_is_about_the_trade_that_was_asked() -> None:
    assert close_result({"code": "10000", "out_trade_no": NUMBER}, NUMBER) == Closed()
    for node in ({"code": "10000"}, {"code": "10000", "out_trade_no": "26112200000001_2"}):
        assert isinstance(close_result(node, NUMBER), Unknown)


@given(st.dictionaries(st.sampled_from([*PAID, "sub_code", "msg"]), JSON_VALUES))
def test_any_signed_answer_gives_a_result(node: dict) -> None:
    result = query_result({**PAID, **node}, NUMBER)
    if isinstance(result, Paid):
        assert type(result.total_fen) is int
    close_result(node, NUMBER)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "2026-11-22",
        "2026-13-01 00:00:00",
        "2026-11-22T20:14:43",
        0,
        [],
        "x" * 5000,
    ],
)
def test_an_odd_time_is_none(text: object) -> None:
    assert beijing_time(text) is None


URL = "http://dwbillcenter.alipay.com/downloadBillFile.resource?bizType=trade&token=abc"

OTHER = {"out_trade_no": "26112200000009_1"}
REFUSALS = ["ACQ.TRADE_NOT_EXIST", "ACQ.TRADE_STATUS_ERROR", "ACQ.INVALID_PARAMETER"]


@pytest.mark.parametrize("sub_code", REFUSALS)
def test_W4_a_refusal_about_another_trade_is_unknown(sub_code: str) -> None:
    node = {"code": "40004", "sub_code": sub_code}
    ours = {**node, "out_trade_no": NUMBER}
    results = [query_result, close_result, refund_result, partial(refund_query_result, out_request_no="R1")]
    for result in results:
        assert result({**node, **OTHER}, NUMBER) == Unknown("an answer about another trade")
        assert result(ours, NUMBER) == result(node, NUMBER) != Unknown("an answer about another trade")
        for nothing in ("", None):  # names no trade
            assert result({**node, "out_trade_no": nothing}, NUMBER) == result(node, NUMBER)


def test_W4_no_refund_of_another_trade_is_unknown() -> None:
    node = {"code": "10000", **OTHER}
    assert refund_query_result(node, NUMBER, "R1") == Unknown("an answer about another trade")


EMPTY = {"code": "10000", "bill_file_code": "EMPTY_DATA_WITH_BILL_FILE"}
BILLS = {
    "an address": ({"code": "10000", "bill_download_url": URL}, BillAt(URL)),
    "an empty file": ({**EMPTY, "bill_download_url": URL}, BillAt(URL, is_empty=True)),
    "an empty day without a file": (EMPTY, NoBill()),
    "an empty day with an empty address": ({**EMPTY, "bill_download_url": ""}, NoBill()),
    "an empty day with a strange address": (
        {**EMPTY, "bill_download_url": "x"},
        Unknown("no address of a bill"),
    ),
    "another code of the file": (
        {"code": "10000", "bill_file_code": "X", "bill_download_url": URL},
        BillAt(URL),
    ),
    "unknown there": ({"code": "40004", "sub_code": "UNKNOWN_ERROR"}, Unknown("40004 UNKNOWN_ERROR")),
    "no such type": (
        {"code": "40004", "sub_code": "TYPE_NOT_SUPPORTED"},
        Refused("40004", "TYPE_NOT_SUPPORTED"),
    ),
    "none yet": ({"code": "40004", "sub_code": "isp.bill_not_exist"}, NoBill()),
    "no data": ({"code": "40004", "sub_code": "NO_BILL_DATA"}, NoBill()),
    "none, by another code": ({"code": "20000", "sub_code": "BILL_NOT_EXIST"}, NoBill()),
    "not signed up": (
        {"code": "40006", "sub_code": "isv.insufficient-isv-permissions"},
        Refused("40006", "isv.insufficient-isv-permissions"),
    ),
    "trouble there": ({"code": "20000", "sub_code": "isp.unknow-error"}, Unknown("20000 isp.unknow-error")),
    "no address": ({"code": "10000"}, Unknown("no address of a bill")),
    "another trade's": (
        {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"},
        Unknown("no address of a bill"),
    ),
}


@pytest.mark.parametrize(("node", "result"), BILLS.values(), ids=BILLS.keys())
def test_W5_answers_about_a_bill(node: dict[str, str], result: object) -> None:
    assert bill_result(node) == result


RATE_LIMITS = ["SYSTEM_RATE_LIMIT", "USER_RATE_LIMIT", "isp.user_rate_limit", "isv.app-call-limited"]
WRONG_DAYS = [
    "BILL_DATE_BEFORE_REGISTRATION",
    "INVAILID_ARGUMENTS",  # the documentation's spelling
    "INVALID_ARGUMENTS",
    "invalid_arguments",  # production's
    "isp.invalid_arguments",
]


@pytest.mark.parametrize("code", ["40004", "40005", "20000"])
@pytest.mark.parametrize("sub_code", RATE_LIMITS)
def test_W5_a_rate_limit_means_later(sub_code: str, code: str) -> None:
    assert bill_result({"code": code, "sub_code": sub_code}) == TooManyCalls(sub_code)


@pytest.mark.parametrize("sub_code", WRONG_DAYS)
def test_W5_a_wrong_day_is_named(sub_code: str) -> None:
    assert bill_result({"code": "40004", "sub_code": sub_code}) == WrongDay(sub_code)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://a", "//a/b", "http://a b", "http://a\r\nb", "http://账单", "", 1]
)
def test_a_url_that_is_not_http_is_refused(url: object) -> None:
    assert bill_result({"code": "10000", "bill_download_url": url}) == Unknown("no address of a bill")


def test_the_address_of_a_bill_is_not_for_logs() -> None:
    assert "token" not in f"{BillAt(URL)} {BillAt(URL)!r}"
