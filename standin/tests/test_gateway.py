"""Validation at /gateway.do: good requests pass, the others get Alipay's error codes."""

import json
from urllib.parse import urlencode

import pytest

from .merchant import NUMBER, PAGE, WAP, beijing, fetch

QUERY = "alipay.trade.query"


def test_a_good_pay_request_is_sent_to_the_cashier_on_another_origin(merchant, standin):
    answer = merchant.press_pay()
    assert answer.status == 302
    assert answer.location.startswith(f"http://localhost:{standin.url.rpartition(':')[2]}/cashier/")
    assert answer.location == standin.trade(NUMBER)["cashier"]


@pytest.mark.parametrize("product", [WAP, PAGE])
def test_a_pay_request_may_be_posted(merchant, product):
    assert merchant.send(merchant.pay_request(product=product)).status == 302


def test_parameters_may_be_split_between_the_address_and_the_body(merchant, standin):
    params = merchant.signed(QUERY, {"out_trade_no": NUMBER})
    biz = params.pop("biz_content")
    answer = fetch(f"{standin.gateway_url}?{urlencode(params)}", urlencode({"biz_content": biz}).encode())
    assert answer.code == "ACQ.TRADE_NOT_EXIST"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("app_id", "isv.missing-app-id"),
        ("method", "isv.missing-method"),
        ("sign_type", "isv.missing-signature-type"),
        ("sign", "isv.missing-signature"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
    ],
)
def test_a_missing_parameter_is_named(merchant, name, code):
    params = merchant.signed(QUERY, {"out_trade_no": NUMBER})
    del params[name]
    answer = merchant.send(params)
    assert (answer.status, answer.code, answer.node["code"]) == (200, code, "40001")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"sign_type": "rsa2"}, "isv.invalid-signature-type"),
        ({"charset": "latin-1"}, "isv.invalid-charset"),
        ({"charset": ""}, "isv.invalid-charset"),
        ({"version": "2.0"}, "isv.invalid-version"),
        ({"format": "XML"}, "isv.invalid-format"),
        ({"timestamp": "2026-11-23T18:30:00"}, "isv.invalid-timestamp"),
        ({"timestamp": "2026-1-2 3:4:5"}, "isv.invalid-timestamp"),
        ({"timestamp": "2026-02-30 00:00:00"}, "isv.invalid-timestamp"),
        ({"timestamp": "２０２６-11-23 18:30:00"}, "isv.invalid-timestamp"),
    ],
)
def test_an_invalid_parameter_is_named_even_if_signed(merchant, change, code):
    answer = merchant.send(merchant.signed(QUERY, {"out_trade_no": NUMBER}, **change))
    assert (answer.code, answer.node["code"]) == (code, "40002")
    assert merchant.is_signed_answer(answer.body)


def test_an_unknown_app_is_answered_without_a_signature(merchant):
    answer = merchant.send(merchant.signed(QUERY, {"out_trade_no": NUMBER}, app_id="2021000000000000"))
    assert answer.code == "isv.invalid-app-id"
    assert "sign" not in json.loads(answer.body)


@pytest.mark.parametrize("sign", ["", "x", "not base64!", "QUJD", "=" * 9, "A" * 50_000, "签"])
def test_a_wrong_signature_is_refused(merchant, sign):
    params = {**merchant.signed(QUERY, {"out_trade_no": NUMBER}), "sign": sign}
    wanted = "isv.invalid-signature" if sign else "isv.missing-signature"
    assert merchant.send(params).code == wanted


def test_any_change_after_signing_is_refused(merchant, standin):
    params = merchant.pay_request()
    params["biz_content"] = params["biz_content"].replace("300.00", "3.00")
    answer = merchant.send(params)
    assert answer.code == "isv.invalid-signature"
    assert standin.trades() == []


def test_empty_values_are_left_out_of_the_signed_text(merchant):
    assert merchant.send(merchant.signed(QUERY, {"out_trade_no": NUMBER}, app_auth_token="")).code.startswith(
        "ACQ."
    )


def test_an_unknown_method_is_refused(merchant):
    assert merchant.call("trade.steal", out_trade_no=NUMBER).code == "isv.invalid-method"


@pytest.mark.parametrize(
    "biz", ["{", "[]", '"text"', "1", "null", '{"out_trade_no": "\\ud800"}', "[" * 100_000, "{'a': 1}"]
)
def test_business_content_must_be_a_json_object(merchant, biz):
    answer = merchant.send(merchant.signed(QUERY, biz))
    assert (answer.code, answer.node["code"]) == ("isv.illegal-json", "40002")


def test_business_content_must_be_there(merchant):
    assert merchant.send(merchant.signed(QUERY, "")).code == "isv.missing-biz-content"


@pytest.mark.parametrize("name", ["total_amount", "app_id", "sign"])
def test_a_repeated_parameter_is_an_attack(merchant, standin, name):
    params = {"total_amount": "1.00", **merchant.signed(QUERY, {"out_trade_no": NUMBER})}
    body = urlencode([*params.items(), (name, params[name])]).encode()
    assert fetch(standin.gateway_url, body).code == "isv.suspected-attack"


BAD_FIELDS = [
    *(
        ("total_amount", amount)
        for amount in ("0.00", "0", "0.001", "300.", "-1.00", "1e5", "NaN", "1,000.00", "１.00", " 1.00")
    ),
    *(("total_amount", amount) for amount in ("100000000.01", 0.1 + 0.2, 0, -1, True, [300], None)),
    *(("out_trade_no", number) for number in ("", "a.b", "a b", "x" * 65, "１２", "a\n", 12)),
    *(("subject", subject) for subject in ("", "a/b", "a=b", "a&b", "x" * 257, None)),
    ("product_code", "QUICK_WAP_WAY"),
    ("product_code", None),
    *(("time_expire", text) for text in ("30m", "2026-11-23", "2020-01-01 00:00:00", "9999-99-99 00:00:00")),
    *(("time_expire", text) for text in ("2026-11-23 18", "2020-01-01 00:00")),
    ("quit_url", 5),
]


@pytest.mark.parametrize(("name", "value"), BAD_FIELDS)
def test_a_bad_field_of_a_pay_request_gives_alipays_error_page(merchant, standin, name, value):
    fields = {"number": value} if name == "out_trade_no" else {name: value}
    answer = merchant.press_pay(**fields)
    assert (answer.status, answer.code) == (200, "ACQ.INVALID_PARAMETER")
    assert answer.headers["X-Standin-Code"] == "40004"
    assert "ACQ.INVALID_PARAMETER" in answer.text
    assert standin.trades() == []


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "/here", "http://a\r\nX: y", "https://例.cn/", "ftp://a/"]
)
@pytest.mark.parametrize("name", ["return_url", "notify_url", "quit_url", "request_from_url"])
def test_addresses_must_be_plain_http(merchant, name, address):
    assert merchant.press_pay(**{name: address}).code == "isv.invalid-parameter"


@pytest.mark.parametrize("amount", ["0.01", "100000000.00"])
def test_the_smallest_and_the_largest_amount_are_taken(merchant, amount):
    assert merchant.press_pay(total_amount=amount).status == 302


@pytest.mark.parametrize(
    ("seconds", "taken"), [(3, True), (-1, False), (15 * 86400 - 5, True), (15 * 86400 + 5, False)]
)
def test_time_expire_lies_ahead_but_not_more_than_15_days(merchant, seconds, taken):
    answer = merchant.press_pay(time_expire=beijing(seconds))
    assert (answer.status == 302) is taken


def test_time_expire_is_measured_by_the_stand_ins_clock(merchant, standin):
    standin.clock(3600)
    assert merchant.press_pay(time_expire=beijing(1800)).code == "ACQ.INVALID_PARAMETER"
    assert merchant.press_pay(time_expire=beijing(5400)).status == 302


def test_without_time_expire_a_trade_lives_15_days(merchant, standin):
    assert merchant.press_pay(time_expire=None).status == 302
    assert standin.trade(NUMBER)["expires_at"][:10] == beijing(15 * 86400)[:10]


def test_the_product_of_wap_may_be_left_out(merchant):
    assert merchant.press_pay(product=WAP, product_code=None).status == 302


def test_the_identical_request_resumes_the_same_cashier(merchant):
    expiry = beijing(600)
    first = merchant.press_pay(time_expire=expiry)
    assert merchant.press_pay(time_expire=expiry).location == first.location


@pytest.mark.parametrize(
    "change",
    [{"total_amount": "3.00"}, {"subject": "another"}, {"time_expire": beijing(1200)}, {"product": WAP}],
)
def test_the_same_number_with_other_parameters_is_inconsistent(merchant, change):
    expiry = beijing(600)
    merchant.press_pay(time_expire=expiry)
    assert merchant.press_pay(**{"time_expire": expiry, **change}).code == "ACQ.CONTEXT_INCONSISTENT"


def test_a_paid_number_is_refused(merchant, standin):
    merchant.press_pay()
    standin.pay(NUMBER)
    assert merchant.press_pay().code == "ACQ.TRADE_HAS_SUCCESS"


def test_a_closed_number_cannot_be_used_again(merchant, standin):
    merchant.press_pay()
    standin.open(NUMBER)
    standin.close(NUMBER)
    assert merchant.press_pay().code == "ACQ.TRADE_HAS_CLOSE"


def test_slashes_in_an_answer_are_escaped_and_the_signature_covers_them(merchant, standin):
    merchant.press_pay(passback_params="a/b")
    standin.pay(NUMBER)
    answer = merchant.call("trade.query", out_trade_no=NUMBER)
    assert b'"passback_params":"a\\/b"' in answer.body
    assert answer.node["passback_params"] == "a/b"


RAW = [
    b"",
    b"&&&&",
    b"=",
    b"%ff%fe=1",
    b"method=%00&app_id=%0a",
    b"\xff\xfe",
    b"&".join(b"a%d=1" % number for number in range(200)),
    b"method=alipay.trade.query&method=alipay.trade.close",
    b"method=" + b"m" * 100_000,
    b"method=<script>alert(1)</script>",
    b"method=alipay.trade.page.pay&app_id=<script>",
]


@pytest.mark.parametrize("body", RAW)
def test_bad_input_gets_a_code_and_never_a_traceback(standin, body):
    answer = fetch(standin.gateway_url, body)
    assert answer.status == 200
    assert answer.code.startswith("isv.")
    assert b"<script>" not in answer.body


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Length": "x"}, 400), ({"Content-Length": "-1"}, 400), ({"Content-Length": "9" * 12}, 413)],
)
def test_a_body_of_bad_length_is_not_read(standin, headers, status):
    assert fetch(standin.gateway_url, b"a=1", **headers).status == status


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/gateway.do/", "/cashier/", "/cashier/x", "/bill/x", "/../etc/passwd"]
)
def test_other_addresses_are_harmless(standin, path):
    assert fetch(standin.url + path).status in (200, 403, 404)


def test_calls_are_counted_and_shown_without_signatures(merchant, standin):
    merchant.press_pay()
    merchant.call("trade.query", out_trade_no=NUMBER)
    calls = standin.calls()
    assert calls["count"] == {"alipay.trade.page.pay": 1, "alipay.trade.query": 1}
    assert [call["code"] for call in calls["last"]] == ["10000", "ACQ.TRADE_NOT_EXIST"]
    assert all("sign" not in call["params"] for call in calls["last"])
