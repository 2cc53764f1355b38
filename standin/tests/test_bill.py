"""The bill: availability, lifetime of its link, Alipay's file layout."""

import csv
import io
import zipfile

import pytest

from tests.vectors import vector

from .merchant import NUMBER, beijing, fetch

DAY = 86400


def request_bill(merchant, bill_date: str, bill_type: str = "trade"):
    biz = {"bill_type": bill_type, "bill_date": bill_date}
    return merchant.call("data.dataservice.bill.downloadurl.query", **biz)


def members(content: bytes) -> dict[str, str]:
    """Return names and texts. zipfile decodes names without the UTF-8 flag as cp437; they are GBK."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert all(not info.flag_bits & 0x800 for info in archive.infolist())
        return {
            info.filename.encode("cp437").decode("gbk"): archive.read(info).decode("gb18030")
            for info in archive.infolist()
        }


@pytest.fixture
def today(merchant, standin) -> str:
    """A day with payments of 300.00 and 0.01 and a refund of 100.00; the stand-in's clock is a day later."""
    for number, amount in ((NUMBER, "300.00"), ("second_1", "0.01")):
        merchant.press_pay(number, total_amount=amount, subject=f"ihome {number}")
        standin.pay(number)
    merchant.press_pay("unpaid_1")
    standin.open("unpaid_1")
    merchant.call("trade.refund", out_trade_no=NUMBER, refund_amount="100.00", out_request_no="R1")
    day = standin.trade(NUMBER)["paid_at"][:10]
    standin.clock(DAY)
    return day


@pytest.fixture
def detail(merchant, today) -> str:
    files = members(fetch(request_bill(merchant, today).node["bill_download_url"]).body)
    plain, summary = sorted(files, key=len)
    assert plain == f"20880000000000010156_{today.replace('-', '')}_业务明细.csv"
    assert summary == f"20880000000000010156_{today.replace('-', '')}_业务明细(汇总).csv"
    assert "合计" in files[summary]
    return files[plain]


def rows(detail: str) -> list[dict[str, str]]:
    lines = [line for line in detail.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_payments_and_refunds_of_the_day(standin, detail):
    trade_no = standin.trade(NUMBER)["trade_no"]
    first, second, refund = rows(detail)
    assert (first["支付宝交易号"], first["商户订单号"]) == (f"{trade_no}\t", f"{NUMBER}\t")
    assert (first["业务类型"], first["订单金额（元）"], first["商家实收（元）"]) == (
        "交易\t",
        "300.00",
        "300.00",
    )
    assert second["订单金额（元）"] == "0.01"
    assert (refund["支付宝交易号"], refund["商户订单号"]) == (f"{trade_no}\t", f"{NUMBER}\t")
    assert (refund["业务类型"], refund["商家实收（元）"]) == ("退款\t", "-100.00")
    assert refund["退款批次号/请求号"] == "R1\t"
    assert "#交易合计：2笔，商家实收共300.01元，商家优惠共0.00元" in detail
    assert "#退款合计：1笔，商家实收退款共-100.00元，商家优惠退款共0.00元" in detail


def test_the_layout_is_that_of_a_real_bill(detail):
    real = vector("bill-trade-2019-09-16.json")["text"].splitlines()
    ours = detail.splitlines()
    assert ours[0] == real[0]
    assert ours[3:5] == real[3:5]
    assert ours[-4] == real[-4]
    assert [line.partition("：")[0] for line in ours[-3:]] == [line.partition("：")[0] for line in real[-3:]]
    # Which cells end in a tab
    tabs = [[cell.endswith("\t") for cell in row.split(",")] for row in (ours[5], real[5])]
    assert tabs[0] == tabs[1]
    assert len(tabs[0]) == 25


def test_the_link_expires_after_30_seconds(merchant, standin, today):
    link = request_bill(merchant, today).node["bill_download_url"]
    assert link.startswith(standin.url)
    standin.clock(DAY + 25)
    assert fetch(link).status == 200
    standin.clock(DAY + 31)
    assert fetch(link).status == 403


def test_no_bill_for_today_or_a_day_without_trades(merchant, standin, today):
    assert request_bill(merchant, beijing(DAY)[:10]).code == "isp.bill_not_exist"
    assert request_bill(merchant, beijing(-5 * DAY)[:10]).code == "isp.bill_not_exist"
    standin.clock(0)
    assert request_bill(merchant, today).code == "isp.bill_not_exist"


@pytest.mark.parametrize(
    "changes",
    [{"bill_type": "signcustomer"}, {"bill_date": "2026-13-01"}, {"bill_date": "2026-11"}, {"bill_date": ""}],
)
def test_bad_bill_requests_are_refused(merchant, changes):
    assert request_bill(merchant, **{"bill_date": "2026-11-01", **changes}).code == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("bill.wrong_day", "invalid_arguments"),
        ("bill.system_rate_limit", "SYSTEM_RATE_LIMIT"),
        ("bill.user_rate_limit", "USER_RATE_LIMIT"),
    ],
)
def test_W6_faults_answer_with_the_codes_of_bills(merchant, standin, today, fault, code):
    standin.fault(fault, times=1)
    answer = request_bill(merchant, today)
    assert (answer.code, answer.node["code"]) == (code, "40004")
    assert request_bill(merchant, today).code == "10000"


@pytest.mark.parametrize(("fault", "has_header"), [("bill.empty_data", True), ("bill.empty_file", False)])
def test_W6_a_day_without_business_may_have_a_file(merchant, standin, fault, has_header):
    standin.fault(fault, times=1)
    node = request_bill(merchant, beijing(-5 * DAY)[:10]).node
    assert (node["code"], node["bill_file_code"]) == ("10000", "EMPTY_DATA_WITH_BILL_FILE")
    files = members(fetch(node["bill_download_url"]).body)
    detail = files[min(files, key=len)]
    assert ("支付宝交易号" in detail) is has_header
    assert rows(detail) == []
    assert "#交易合计：0笔" in detail


def test_W6_a_bill_may_be_asked_with_secure(merchant, today):
    biz = {"bill_type": "trade", "bill_date": today, "secure": "true"}
    assert merchant.call("data.dataservice.bill.downloadurl.query", **biz).code == "10000"
