"""Verifying returns and notices: exactly one split of the signed text passes."""

import re
from base64 import b64decode, b64encode
from urllib.parse import quote, quote_plus, unquote_to_bytes, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.alipay.messages import (
    RETURN_FIELDS,
    Params,
    Rejected,
    verified_notice,
    verified_return,
)
from payments.staff.masking import masked

KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))

PARAMS = {
    "app_id": "9021000000000001",
    "charset": "utf-8",
    "fund_bill_list": '[{"amount":"300.00","fundChannel":"ALIPAYACCOUNT"}]',
    "gmt_payment": "2026-11-22 20:14:43",
    "out_trade_no": "26112200000001_1",
    "seller_id": "2088000000000001",
    "sign_type": "RSA2",
    "subject": "ihome+测试 - 1 😀",
    "total_amount": "300.00",
    "trade_no": "2026112222001400001234567890",
    "trade_status": "TRADE_SUCCESS",
}


def text_of(params: Params, leave_out: tuple[str, ...] = ("sign_type",)) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name not in leave_out)


def sign(text: str, key: rsa.RSAPrivateKey = KEY) -> str:
    return b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def message(params: Params, signature: str | None = None, **changes: str | None) -> bytes:
    """`params` as Alipay would sign and send them, with `changes` made afterwards; None omits a field."""
    sent = {**params, "sign": sign(text_of(params)) if signature is None else signature, **changes}
    return urlencode({name: value for name, value in sent.items() if value is not None}).encode()


def judged(raw: bytes) -> Params | None:
    try:
        return verified_notice(raw, [KEY.public_key()])
    except Rejected as rejected:
        assert str(rejected)
        assert len(str(rejected)) < 300
        return None


def test_a_genuine_message() -> None:
    assert judged(message(PARAMS)) == PARAMS


def test_escapes_in_any_style_mean_the_same() -> None:
    signature = sign(text_of(PARAMS))
    for escape in (quote, quote_plus, lambda text: "".join(f"%{byte:02x}" for byte in text.encode())):
        pairs = [f"{name}={escape(value)}" for name, value in {**PARAMS, "sign": signature}.items()]
        assert judged("&".join(reversed(pairs)).encode()) == PARAMS


def test_a_new_field_that_is_signed_is_allowed() -> None:
    params = {**PARAMS, "hb_fq_pay_info": '{"n":3}', "Z9": "x", "_a": "y"}
    assert judged(message(params)) == params


def test_a_new_field_that_is_not_signed_is_rejected() -> None:
    assert judged(message(PARAMS, passback_params="x")) is None


@pytest.mark.parametrize("signed_empty", [True, False])
def test_empty_values_signed_or_not(signed_empty: bool) -> None:
    """Alipay's documents contradict each other; the signature decides."""
    params = {**PARAMS, "body": "", "point_amount": ""}
    text = text_of(params if signed_empty else PARAMS)
    assert judged(message(params, sign(text))) == (params if signed_empty else PARAMS)


def test_an_empty_field_that_is_not_signed_adds_nothing() -> None:
    assert judged(message(PARAMS, refund_fee="")) == PARAMS


def test_sign_type_may_be_in_the_signed_text() -> None:
    assert judged(message(PARAMS, sign(text_of(PARAMS, leave_out=())))) == PARAMS


def test_spaces_around_a_value_are_not_trimmed() -> None:
    params = {**PARAMS, "subject": "  x\t\r\n "}
    assert judged(message(params)) == params
    assert judged(message(params, subject="x")) is None


@pytest.mark.parametrize("name", PARAMS)
def test_every_field_is_covered(name: str) -> None:
    assert judged(message(PARAMS, **{name: PARAMS[name] + "0"})) is None
    assert judged(message(PARAMS, **{name: ""})) is None
    assert judged(message(PARAMS, **{name: None})) is None


# --- the signed text split differently -------------------------------------------------------------


def other_splits() -> dict[str, bytes]:
    """Other parameters that give the same signed text."""
    signature = sign(text_of(PARAMS))
    moved = {name: value for name, value in PARAMS.items() if name != "out_trade_no"}
    into_value = {**moved, "gmt_payment": f"{PARAMS['gmt_payment']}&out_trade_no={PARAMS['out_trade_no']}"}
    name, value = "gmt_payment", PARAMS["gmt_payment"]
    into_name = {key: text for key, text in PARAMS.items() if key not in (name, "out_trade_no")}
    into_name[f"{name}={value}&out_trade_no"] = PARAMS["out_trade_no"]
    equals = {key: text for key, text in PARAMS.items() if key != "fund_bill_list"}
    head, tail = PARAMS["fund_bill_list"][:5], PARAMS["fund_bill_list"][5:]
    equals[f"fund_bill_list={head}"] = tail
    assert text_of(into_value) == text_of(into_name) == text_of(PARAMS)
    splits = {"into a value": into_value, "into a name": into_name, "equals into a name": equals}
    return {title: message(split, signature) for title, split in splits.items()}


@pytest.mark.parametrize("title", ["into a value", "into a name", "equals into a name"])
def test_NOT10_signed_text_split_differently(title: str) -> None:
    assert judged(other_splits()[title]) is None


@pytest.mark.parametrize(
    "name", ["a b", "a-b", "a.b", "", "房", "a&b", "a=b", "a%00", "trade status", "ａ", "a\n"]
)
def test_NOT10_a_signed_field_with_an_odd_name(name: str) -> None:
    assert judged(message({**PARAMS, name: "x"})) is None


@pytest.mark.parametrize("value", ["a&b=", "&a=b", "x&sign=y", "x&&b=c", "x&_=&y"])
def test_NOT10_a_signed_value_that_could_be_split(value: str) -> None:
    assert judged(message({**PARAMS, "subject": value})) is None


@pytest.mark.parametrize(
    "value", ["满100减10&限时券", "a&b", "&", "a & b = c", "a&房=c", "a&b-c=d", "x&", "&&"]
)
def test_W3_a_signed_value_with_an_ampersand_that_begins_no_parameter(value: str) -> None:
    assert judged(message({**PARAMS, "subject": value})) == {**PARAMS, "subject": value}


NAMES = st.sampled_from(["a", "b", "body", "c_1", "subject", "total_amount", "zz"])
PIECES = st.sampled_from(["a", "b", "c_1", "subject", "zz", "=", "&", "&b=", "房", " ", "1"])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, st.lists(PIECES, max_size=5).map("".join), min_size=1), st.data())
def test_W3_a_signed_text_is_accepted_in_one_split_at_most(values: Params, data: st.DataObject) -> None:
    """Split a signed text anew at any of its ampersands: only the split at every `&name=` passes."""
    params = {**values, "sign_type": "RSA2"}
    text = text_of(params)
    pieces = text.split("&")
    joints = data.draw(st.lists(st.booleans(), min_size=len(pieces) - 1, max_size=len(pieces) - 1))
    parts = [pieces[0]]
    for piece, is_cut in zip(pieces[1:], joints, strict=True):
        if is_cut:
            parts.append(piece)
        else:
            parts[-1] += f"&{piece}"
    pairs = [part.partition("=") for part in parts] + [("sign_type", "=", "RSA2"), ("sign", "=", sign(text))]
    raw = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, _, value in pairs).encode()
    found = judged(raw)
    only = dict(piece.split("=", 1) for piece in re.split(r"&(?=\w+=)", text, flags=re.ASCII) if "=" in piece)
    assert found is None or found == {**only, "sign_type": "RSA2"}


RETURN = {
    "app_id": "9021000000000001",
    "auth_app_id": "9021000000000001",
    "charset": "utf-8",
    "method": "alipay.trade.wap.pay.return",
    "out_trade_no": "26112200000001_1",
    "seller_id": "2088000000000001",
    "sign_type": "RSA2",
    "timestamp": "2026-11-22 20:15:00",
    "total_amount": "300.00",
    "trade_no": "2026112222001400001234567890",
    "version": "1.0",
}
APPENDED = [
    "from=singlemessage&isappinstalled=0",
    "utm_source=a&utm_medium=b&utm_campaign=%E6%88%BF",
    "spm=a2700.1.2",
    "_t=1732000000000",
    "trade_status=TRADE_SUCCESS&notify_type=x",
    "a&b",
    "x=%ff&y=%00",
    "x=1&x=2",
    "",
    "&&",
]


@pytest.mark.parametrize("appended", APPENDED)
def test_W2_ACC06_what_a_messenger_appends_to_a_return_is_left_aside(appended: str) -> None:
    for raw in (message(RETURN) + f"&{appended}".encode(), f"{appended}&".encode() + message(RETURN)):
        assert verified_return(raw, [KEY.public_key()]) == RETURN


UNDOCUMENTED = st.from_regex(r"[A-Za-z_.]{1,16}", fullmatch=True).filter(
    lambda name: name not in RETURN_FIELDS
)


@given(pairs=st.lists(st.tuples(UNDOCUMENTED, st.text(max_size=20)), max_size=5), data=st.data())
def test_W2_undocumented_parameters_change_nothing_wherever_they_stand(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    parts = message(RETURN).split(b"&")
    for pair in pairs:
        parts.insert(data.draw(st.integers(0, len(parts))), urlencode([pair], errors="replace").encode())
    assert verified_return(b"&".join(parts), [KEY.public_key()]) == RETURN


@pytest.mark.parametrize("name", [*RETURN, "sign"])
def test_W2_a_documented_name_is_not_left_aside(name: str) -> None:
    for value in ("", "0.01", RETURN.get(name, "")):
        raw = message(RETURN) + f"&{name}={quote_plus(value)}&from=singlemessage".encode()
        with pytest.raises(Rejected):
            verified_return(raw, [KEY.public_key()])


def test_W2_a_notice_takes_nothing_unsigned() -> None:
    assert judged(message(PARAMS) + b"&from=singlemessage") is None


@pytest.mark.parametrize("charset", ["GBK", "gbk", "gb2312", "GB18030"])
def test_W1_a_notice_in_gbk_is_read_by_its_own_charset(charset: str) -> None:
    params = {**PARAMS, "charset": charset, "subject": "爱家租房 订单 1\\丂", "body": "满100减10"}
    text = text_of(params).encode("gbk")
    signature = b64encode(KEY.sign(text, PKCS1v15(), SHA256())).decode()
    raw = urlencode({**params, "sign": signature}, encoding="gbk").encode()
    assert judged(raw) == params
    assert judged(urlencode({**params, "sign": signature}, encoding="utf-8").encode()) is None


@pytest.mark.parametrize("name", ["total_amount", "sign", "sign_type", "app_id", "charset"])
def test_NOT11_a_repeated_field(name: str) -> None:
    raw = message(PARAMS)
    same = {**PARAMS, "sign": sign(text_of(PARAMS))}[name]
    for value in (same, "0.01", ""):
        again = urlencode({name: value}).encode()
        assert judged(raw + b"&" + again) is None
        assert judged(again + b"&" + raw) is None
    spelled = f"%{ord(name[0]):02x}{name[1:]}=0.01".encode()
    assert judged(raw + b"&" + spelled) is None


@pytest.mark.parametrize(
    "value", ["RSA", "rsa2", "RSA2 ", " RSA2", "RSA2\n", "ＲＳＡ2", "", "MD5", "SM2", None]
)
def test_NOT12_sign_type_is_exactly_RSA2(value: str | None) -> None:
    for leave_out in (("sign_type",), ()):
        params = {name: text for name, text in PARAMS.items() if name != "sign_type"}
        if value is not None:
            params["sign_type"] = value
        assert judged(message(params, sign(text_of(params, leave_out)))) is None


def odd_signatures() -> dict[str, str | None]:
    good, text = sign(text_of(PARAMS)), text_of(PARAMS).encode()
    one_bit = bytearray(b64decode(good))
    one_bit[-1] ^= 1
    return {
        "missing": None,
        "empty": "",
        "one letter": "a",
        "not base64": "!" * 344,
        "not ASCII": "签名",
        "no padding": good.rstrip("="),
        "more padding": good + "=",
        "cut": good[:-4],
        "longer": good + "AAAA",
        "space": good[:50] + " " + good[50:],
        "newline": good[:76] + "\n" + good[76:],
        "newline after": good + "\n",
        "plus as space": "+" * 4 + " " * 4,
        "url alphabet": good.replace("+", "-").replace("/", "_") + "-_",
        "one bit": b64encode(bytes(one_bit)).decode(),
        "zeros": b64encode(bytes(256)).decode(),
        "ones": b64encode(b"\xff" * 256).decode(),
        "another key's": sign(text_of(PARAMS), OTHER_KEY),
        "SHA1": b64encode(KEY.sign(text, PKCS1v15(), SHA1())).decode(),
        "PSS": b64encode(KEY.sign(text, PSS(MGF1(SHA256()), PSS.MAX_LENGTH), SHA256())).decode(),
        "of nothing": sign(""),
        "of the sorted fields with sign": sign(text_of({**PARAMS, "sign": ""}, leave_out=())),
        "1 MB": "A" * 1024 * 1024,
    }


@pytest.mark.parametrize("title", odd_signatures())
def test_NOT13_odd_signatures(title: str) -> None:
    assert judged(message(PARAMS, sign=odd_signatures()[title])) is None


def test_NOT13_the_same_signature_written_another_way() -> None:
    """The last letter before `==` has four unused bits."""
    good = sign(text_of(PARAMS))
    assert good.endswith("==")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = good[:-3] + letters[letters.index(good[-3]) ^ 1] + "=="
    assert b64decode(other) == b64decode(good)
    assert judged(message(PARAMS, sign=other)) is None


@pytest.mark.parametrize(
    "value",
    [
        b"%FF",
        b"%C0%AF",
        b"%ED%A0%80",
        b"%ed%b0%80",
        b"%00",
        b"a%00b",
        b"\xff\xfe",
        b"%B7%BF",
        "房".encode("gbk"),
    ],
)
def test_NOT14_broken_text(value: bytes) -> None:
    raw = message(PARAMS) + b"&body=" + value
    assert judged(raw) is None
    assert masked(raw).isprintable() or "\n" in masked(raw)  # staff can read it


@pytest.mark.parametrize("charset", ["utf-16", "", "latin-1", "hex", "big5", "x" * 500])
def test_NOT14_another_charset(charset: str) -> None:
    assert judged(message({**PARAMS, "charset": charset})) is None


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", None])
def test_NOT14_the_charset_is_ours(charset: str | None) -> None:
    params = {name: value for name, value in PARAMS.items() if name != "charset"}
    if charset:
        params["charset"] = charset
    assert judged(message(params)) == params


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"&",
        b"=",
        b"a",
        b"a=b",
        b"sign",
        b"sign=x",
        b"sign_type=RSA2",
        b"\0",
        b"{}",
        b'{"sign":"x"}',
        b"%",
        b"%=%",
        b"&" * 99,
    ],
)
def test_bytes_that_are_not_a_message(raw: bytes) -> None:
    assert judged(raw) is None


def test_a_nul_is_refused_even_if_it_is_signed() -> None:
    with pytest.raises(Rejected, match="not allowed"):
        verified_notice(message({**PARAMS, "subject": "a\0b"}), [KEY.public_key()])


def test_a_signature_that_is_no_base64_is_named() -> None:
    """The metric of rejected messages tells such noise from a wrong key."""
    with pytest.raises(Rejected, match="not base64"):
        verified_notice(message(PARAMS, "a"), [KEY.public_key()])


def test_too_long_and_too_many() -> None:
    most = {**PARAMS, **{f"f{n}": "x" for n in range(99 - len(PARAMS))}}  # and the signature
    assert judged(message(most)) == most
    assert judged(message({**most, "more": "x"})) is None
    padding = b"&" * (65_536 - len(message(PARAMS)))
    assert judged(message(PARAMS) + padding) == PARAMS
    with pytest.raises(Rejected, match="too long"):
        verified_notice(message(PARAMS) + padding + b"&", [KEY.public_key()])


# --- mutations -------------------------------------------------------------------------------------

GENUINE = message(PARAMS)


def decoded(raw: bytes) -> list[tuple[bytes, bytes]]:
    """The result of a lenient form parser, as bytes, without empty fields."""
    pairs = (pair.replace(b"+", b" ").partition(b"=") for pair in raw.split(b"&"))
    return sorted((unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs if value)


def holds(mutated: bytes) -> None:
    """Check that it is rejected if it differs from the genuine message, and else gives the same."""
    params = judged(mutated)
    if decoded(mutated) != decoded(GENUINE):
        assert params is None
    elif params is not None:
        assert {name: value for name, value in params.items() if value} == PARAMS


@settings(max_examples=400, deadline=None)
@given(at=st.integers(0, len(GENUINE) - 1), byte=st.integers(0, 255))
def test_mutations_one_byte_changed(at: int, byte: int) -> None:
    holds(GENUINE[:at] + bytes([byte]) + GENUINE[at + 1 :])


@settings(max_examples=300, deadline=None)
@given(
    cut=st.tuples(st.integers(0, len(GENUINE)), st.integers(0, 40)),
    put=st.binary(max_size=6)
    | st.sampled_from([b"&", b"=", b"%26", b"%3D", b"+", b"%2B", b"&total_amount=0.01", b"&x="]),
)
def test_mutations_a_piece_replaced(cut: tuple[int, int], put: bytes) -> None:
    at, length = cut
    holds(GENUINE[:at] + put + GENUINE[at + length :])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(GENUINE.split(b"&")), max_size=16))
def test_mutations_fields_reordered_or_repeated(pairs: list[bytes]) -> None:
    holds(b"&".join(pairs))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_mutations_noise(raw: bytes) -> None:
    assert judged(raw) is None
    masked(raw)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True).filter(
            lambda name: name not in ("sign", "charset")
        ),
        st.text(st.characters(exclude_characters="&\0", exclude_categories=["Cs"]), max_size=30),
        max_size=8,
    )
)
def test_any_signed_parameters_are_read_back(params: Params) -> None:
    params = {**params, "sign_type": "RSA2"}
    assert judged(message(params)) == params


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a=" + b"x" * 65_536, "too long"),
        (b"a=1&" * 101, "too many fields"),
        (b"a=1&a=2", "duplicate"),
        (b"=1", "without a valid name"),
        (message(PARAMS, sign_type="RSA"), "sign_type"),
        (message(PARAMS, charset="latin-1"), "charset"),
        (message(PARAMS, subject="a&b=1"), "not allowed"),
        (message(PARAMS, sign="?"), "not base64"),
        (message(PARAMS, total_amount="0.01"), "signature"),
        (message(PARAMS, subject="x").replace(b"subject=x", b"subject=%ff"), "signature"),
    ],
)
def test_a_rejection_names_its_reason_for_the_metric(raw: bytes, reason: str) -> None:
    with pytest.raises(Rejected) as rejected:
        verified_notice(raw, [KEY.public_key()])
    assert rejected.value.reason == reason
