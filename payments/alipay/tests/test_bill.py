"""Alipay's bill file: the current layout, older ones, and files that are not bills."""

import io
import zipfile
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from payments.alipay import bill
from payments.alipay.bill import BillProblem, EmptyFile, Row, parse
from tests.vectors import vector

HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
PAYMENT = (
    "2026112222001400001234567890\t,26112200000001_1\t,交易\t,{title},2026-11-22 20:14:32,"
    "2026-11-22 20:14:43,\t,\t,\t,\t,*客(138****0000)\t,300.00,300.00,0.00,0.00,0.00,0.00,0.00,,0.00\t,"
    "0.00,\t,0.00,0.00,{remark}"
)
REFUND = (
    "2026112222001400001234567890\t,26112200000001_1\t,退款\t,{title},2026-11-22 20:14:32,"
    "2026-11-22 21:00:00,\t,\t,\t,\t,*客(138****0000)\t,-100.00,-100.00,0.00,0.00,0.00,0.00,0.00,,0.00\t,"
    "0.00,26112200000001_1_R1\t,0.00,0.00,{remark}"
)
PLAIN = {"title": "爱家租房 订单 26112200000001", "remark": "爱家租房 订单 26112200000001"}
END = "#-----------------------------------------业务明细列表结束------------------------------------"


def text_of(*rows: str, header: str = HEADER, totals: tuple[str, ...] = (), end: str = END) -> str:
    lines = [
        "#支付宝业务明细查询",
        "#账号：[20880000000000010156]",
        "#起始日期：[2026年11月22日 00:00:00]   终止日期：[2026年11月23日 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
        header,
        *rows,
        end,
        *totals,
        "#导出时间：[2026年11月23日 05:46:49]",
    ]
    return "\r\n".join(lines) + "\r\n"


def gbk(*rows: str, **changes: object) -> bytes:
    return text_of(*rows, **changes).encode("gb18030")


def rows_of(*lines: str, **changes: object) -> list[Row]:
    return [row for row, _ in parse(gbk(*lines, **changes)).rows]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def problem(content: bytes) -> str:
    with pytest.raises(BillProblem) as caught:
        parse(content)
    return str(caught.value)


PAID = Row(False, "2026112222001400001234567890", "26112200000001_1", "", 30000, 30000)
REFUNDED = Row(True, PAID.trade_no, PAID.out_trade_no, "26112200000001_1_R1", 10000, -10000)


def test_a_payment_and_a_refund() -> None:
    totals = (
        "#交易合计：1笔，商家实收共300.00元，商家优惠共0.00元",
        "#退款合计：1笔，商家实收退款共-100.00元",
    )
    payment, refund = PAYMENT.format(**PLAIN), REFUND.format(**PLAIN)
    found = parse(gbk(payment, refund, totals=totals))
    assert (found.account, found.day) == ("20880000000000010156", date(2026, 11, 22))
    assert found.rows == [(PAID, payment), (REFUNDED, refund)]
    assert found.unreadable == []


def test_a_bill_that_alipay_really_wrote() -> None:
    real = vector("bill-trade-2019-09-16.json")
    content = real["text"].encode(real["encoding_on_the_wire"])
    for found in (parse(content), parse(zipped({"业务明细.csv": content, "业务明细(汇总).csv": b"#"}))):
        rows = [row for row, _ in found.rows]
        paid, refunded = ([row for row in rows if row.is_refund is kind] for kind in (False, True))
        assert (len(paid), len(refunded)) == (real["expected"]["payments"], real["expected"]["refunds"])
        assert (sum(row.amount_fen for row in paid), sum(row.amount_fen for row in refunded)) == (6, 4)
        assert (found.account, found.day) == ("20880211096256330156", date(2019, 9, 16))
        assert (found.unreadable, refunded[0].out_request_no) == ([], "re_test_1568602607356")
        assert {row.trade_no for row in refunded} <= {row.trade_no for row in paid}


@pytest.mark.parametrize("header", [HEADER, ""], ids=["with a header", "without a header"])
@pytest.mark.parametrize("totals", [(), ("#交易合计：0笔，商家实收共0.00元，商家优惠共0.00元",)])
def test_W5_a_bill_without_rows(header: str, totals: tuple[str, ...]) -> None:
    content = gbk(header=header, totals=totals)
    for found in (parse(content), parse(zipped({"a.csv": content, "a(汇总).csv": b"#"}))):
        assert (found.rows, found.unreadable, found.day) == ([], [], date(2026, 11, 22))
    with pytest.raises(BillProblem, match="交易 1笔"):
        parse(gbk(header=header, totals=("#交易合计：1笔，商家实收共300.00元",)))


@pytest.mark.parametrize(
    "content",
    [b"", b" \r\n", HEADER.encode("gb18030"), gbk(end=""), gbk(header="", end=""), zipped({"a.csv": b""})],
)
def test_W5_a_file_with_nothing_in_it_is_told_from_a_broken_one(content: bytes) -> None:
    with pytest.raises(EmptyFile):
        parse(content)


@pytest.mark.parametrize("content", [b"<html>", gbk(PAYMENT.format(**PLAIN), end=""), b"PK"])
def test_W5_a_broken_file_is_not_taken_for_an_empty_one(content: bytes) -> None:
    with pytest.raises(BillProblem) as caught:
        parse(content)
    assert not isinstance(caught.value, EmptyFile)


TRANSFER = PAYMENT.replace("交易\t", "转账\t").replace("26112200000001_1\t", "\t")
TOTALS = ("#交易合计：{count}笔，商家实收共{sum}元", "#退款合计：0笔，商家实收退款共0.00元")


@pytest.mark.parametrize(("count", "total"), [(1, "300.00"), (2, "600.00")])
def test_W5_a_transfer_is_told_as_what_it_is(count: int, total: str) -> None:
    """It is no payment of an order; whether the totals have it is not documented."""
    line = TRANSFER.format(title="转账,还款", remark="谢谢, 张三")
    totals = tuple(text.format(count=count, sum=total) for text in TOTALS)
    found = parse(gbk(PAYMENT.format(**PLAIN), line, totals=totals))
    assert ([row for row, _ in found.rows], found.unreadable) == ([PAID], [])
    assert found.others == [(Row(False, PAID.trade_no, "", "", 30000, 30000, "转账"), line)]


@pytest.mark.parametrize("business_type", ["转账", "冻结", "解冻", "手续费", "分账"])
def test_W5_other_business_types_keep_the_sign_of_their_amount(business_type: str) -> None:
    line = REFUND.format(**PLAIN).replace("退款\t", f"{business_type}\t")
    found = parse(gbk(line))
    (row, raw) = found.others[0]
    assert (row.business_type, row.amount_fen, row.is_refund, raw) == (business_type, -10000, False, line)
    assert (found.rows, found.unreadable) == ([], [])


def test_W5_many_transfers_do_not_refuse_the_day() -> None:
    line = TRANSFER.format(**PLAIN)
    found = parse(gbk(*[line] * 150, PAYMENT.format(**PLAIN)))
    assert (len(found.others), len(found.rows)) == (150, 1)


def test_W5_totals_that_fit_neither_with_nor_without_the_transfers_are_refused() -> None:
    totals = tuple(text.format(count=3, sum="900.00") for text in TOTALS)
    assert "交易 3笔" in problem(gbk(PAYMENT.format(**PLAIN), TRANSFER.format(**PLAIN), totals=totals))


def test_names_in_gbk_without_a_flag_are_read() -> None:
    """zipfile writes UTF-8 names with a flag; Alipay writes GBK without one."""
    names = {"A" * 20: "业务明细.csv", "B" * 20: "业务明细(汇总).csv"}
    placeholders = {key[: len(name.encode("gbk"))]: name for key, name in names.items()}
    content = zipped(dict(zip(placeholders, (gbk(PAYMENT.format(**PLAIN)), b"#"), strict=True)))
    for placeholder, name in placeholders.items():
        content = content.replace(placeholder.encode(), name.encode("gbk"))
    assert len(parse(content).rows) == 1


def test_an_older_file_with_fewer_columns() -> None:
    header = "支付宝交易号,商户订单号,业务类型,商品名称,完成时间,订单金额(元)"
    line = f"{PAID.trade_no}\t,{PAID.out_trade_no}\t,交易\t,房,2016-01-01 00:00:00,300.00"
    assert rows_of(line, header=header) == [
        Row(False, PAID.trade_no, PAID.out_trade_no, "", 30000, net_fen=None)
    ]


@pytest.mark.parametrize(
    ("title", "remark"),
    [
        ("a, b", ""),
        ("a,b,c", "a,b,c"),
        ("", "x,y"),
        ('"quoted, and so on"', "plain"),
        ('a lone " and a comma,', "plain"),
        ("300.00,0.01", "0.01"),
        ("2026-11-22 20:14:32", "2026-11-22 20:14:32,1"),
        ("#not a remark", "a\tb"),
        ("房，海边,𠀀", "😀"),
    ],
)
def test_titles_with_commas_do_not_move_the_money(title: str, remark: str) -> None:
    lines = [line.format(title=title, remark=remark) for line in (PAYMENT, REFUND)]
    assert rows_of(*lines) == [PAID, REFUNDED]


@given(
    title=st.text(st.sampled_from('a,"\t0.1房-: '), max_size=30),
    remark=st.text(st.sampled_from('a,"\t0.1房-: '), max_size=30),
)
@hypothesis_settings(max_examples=200, deadline=None)
def test_a_row_is_read_right_or_not_at_all(title: str, remark: str) -> None:
    found = parse(gbk(PAYMENT.format(title=title, remark=remark)))
    assert [row for row, _ in found.rows] in ([PAID], [])
    assert len(found.rows) + len(found.unreadable) == 1


def test_a_line_with_two_valid_splits_is_not_guessed() -> None:
    """The title contains cells that make a second valid row, with another amount in its column."""
    inside = "x,2026-11-22 20:14:32,2026-11-22 20:14:43,,,,,,0.01,0.01,,,,,,,,,,0.00,0.00,y"
    line = PAYMENT.format(title=inside, remark="")
    found = parse(gbk(line))
    assert (found.rows, found.unreadable) == ([], [line])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("300.00,300.00", "300.0,300.00"),
        ("300.00,300.00", "300,300.00"),
        ("300.00,300.00", "3e2,300.00"),
        ("300.00,300.00", "３００.00,300.00"),
        ("300.00,300.00", "-300.00,300.00"),
        ("300.00,300.00", ",300.00"),
        ("300.00,300.00", "300.00,NaN"),
        ("300.00,300.00", "9999999999.00,300.00"),
        ("交易\t", "\t"),
        ("交易\t", "2026\t"),
        ("2026112222001400001234567890\t", "\t"),
        ("2026112222001400001234567890\t", "2026 1122\t"),
        ("26112200000001_1\t", "\t"),
        ("26112200000001_1\t", "2611220000000１_1\t"),
        ("26112200000001_1\t", "1" * 65),
        ("2026-11-22 20:14:43", "yesterday"),
        (",*客(138****0000)\t", ""),
        ("*客(138****0000)\t", "a,5.00"),
    ],
)
def test_an_invalid_line_is_unreadable_and_not_guessed(old: str, new: str) -> None:
    good, bad = PAYMENT.format(**PLAIN), PAYMENT.format(**PLAIN).replace(old, new, 1)
    found = parse(gbk(good, bad, totals=("#交易合计：2笔，商家实收共600.00元",)))
    assert ([row for row, _ in found.rows], found.unreadable) == ([PAID], [bad])


def test_a_refund_with_a_positive_amount_is_not_guessed() -> None:
    line = REFUND.format(**PLAIN).replace("-100.00", "100.00")
    assert parse(gbk(line)).unreadable == [line]


@pytest.mark.parametrize(
    ("totals", "complaint"),
    [
        ("#交易合计：2笔，商家实收共300.00元", "交易 2笔"),
        ("#交易合计：1笔，商家实收共300.01元", "300.01"),
        ("#退款合计：1笔，商家实收退款共-100.00元", "退款 1笔"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(totals: str, complaint: str) -> None:
    assert complaint in problem(gbk(PAYMENT.format(**PLAIN), totals=(totals,)))


ROW = PAYMENT.format(**PLAIN)
NOT_BILLS = {
    "empty": (b"", "not a bill"),
    "html": (b"<html>", "not a bill"),
    "expired link": ("下载链接已失效".encode(), "not a bill"),
    "in utf-8": (text_of(ROW).encode(), "saved in UTF-8"),
    "no account": (gbk(ROW).replace("账号".encode("gbk"), b"??"), "not a bill"),
    "cut off": (gbk(ROW)[:-200], "no end"),
    "no header": (gbk(ROW, header=""), "no column"),
    "only a header": (HEADER.encode("gb18030"), "not a bill"),
    "a zip of an empty file": (zipped({"a.csv": b""}), "is empty"),
    "a column less": (gbk(ROW, header=HEADER.replace("业务类型", "类型")), "no column 业务类型"),
    "a column twice": (gbk(ROW, header=HEADER.replace("终端号", "商户订单号")), "no column 商户订单号"),
    "a month": (gbk(ROW).replace("11月23日 00".encode("gbk"), "12月22日 00".encode("gbk")), "not one day"),
    "no such day": (gbk(ROW).replace("11月22日".encode("gbk"), "13月99日".encode("gbk")), "can't be read"),
    "zip of nothing": (zipped({}), "exactly one"),
    "only a summary": (zipped({"业务明细(汇总).csv": gbk(ROW)}), "exactly one"),
    "two tables": (zipped({"a.csv": gbk(ROW), "b.csv": gbk(ROW)}), "exactly one"),
    "many members": (zipped({f"{n}.csv": b"" for n in range(11)}), "more than 10"),
    "half a zip": (zipped({"a.csv": gbk(ROW)})[:-30], "broken"),
    "packed in another way": (zipped({"a.csv": gbk(ROW)}, zipfile.ZIP_LZMA), "unusual compression"),
    "only PK": (b"PK", "broken"),
}


@pytest.mark.parametrize(("content", "complaint"), NOT_BILLS.values(), ids=NOT_BILLS.keys())
def test_a_file_that_is_not_a_bill_is_refused_with_a_reason(content: bytes, complaint: str) -> None:
    assert complaint in problem(content)


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill, "MAX_CSV_BYTES", 1_000_000)
    bomb = zipped({"a.csv": bytes(200_000_000)})
    assert len(bomb) < 250_000
    assert "more than 1000000 bytes" in problem(bomb)


def test_a_member_that_lies_about_its_size_is_refused() -> None:
    content = zipped({"a.csv": gbk(ROW)})
    size = len(gbk(ROW)).to_bytes(4, "little")
    assert content.count(size) == 2
    assert problem(content.replace(size, b"\x10\0\0\0"))


def test_an_encrypted_member_is_refused() -> None:
    content = bytearray(zipped({"a.csv": gbk(ROW)}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in problem(bytes(content))


@given(st.data())
@hypothesis_settings(max_examples=300, deadline=None)
def test_a_damaged_zip_is_refused_with_a_reason_or_gives_the_same_rows(data: st.DataObject) -> None:
    content = bytearray(zipped({"a.csv": gbk(ROW), "a(汇总).csv": b"#"}))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(2, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse(bytes(content))
    except BillProblem as refusal:
        assert str(refusal)
        return
    assert [row for row, _ in found.rows] == [PAID]


@given(st.binary(max_size=300))
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_bill_or_are_refused_with_a_reason(content: bytes) -> None:
    for candidate in (content, b"PK\x03\x04" + content, gbk(ROW) + content):
        try:
            parse(candidate)
        except BillProblem as refusal:
            assert str(refusal)


def test_a_bill_is_read_in_a_time_that_grows_with_its_length() -> None:
    hostile = "," * 200_000
    assert parse(gbk(*[hostile] * 20)).unreadable == [hostile[:2000]] * 20
    assert "101 lines" in problem(gbk(*["nonsense"] * 101))
    rows = [row for row, _ in parse(gbk(*[ROW] * 5000)).rows]
    assert all(one == other for one, other in pairwise(rows))
    assert len(rows) == 5000
