"""The daily trade bill: a link valid for 30 seconds to a zip of two GBK files in Alipay's layout."""

import io
import re
import secrets
import threading
import zipfile
from datetime import date, datetime, timedelta

from .clock import BEIJING, Clock, moment_text
from .errors import Refused
from .money import yuan
from .records import BUYERS, Refund, Trade
from .signing import Account
from .trades import Trades
from .wire import Reply

_LINK_SECONDS = 30
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_SUMMARY_COLUMNS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,"
    "订单金额（元）,商家实收（元）,服务费（元）,实收净额（元）"
)


class Bills:
    """Bills and their links. `origin`, the prefix of the links, is set once the server listens."""

    def __init__(self, account: Account, clock: Clock, trades: Trades) -> None:
        self._account = account
        self._clock = clock
        self._trades = trades
        self._lock = threading.Lock()
        self._links: dict[str, tuple[float, bytes]] = {}
        self.origin = ""

    def offer(self, day_text: str) -> str:
        """Return the link to a past day's bill. Raises Refused for today and for days without trades."""
        day = _parse_day(day_text)
        if day >= datetime.fromtimestamp(self._clock.now(), BEIJING).date():
            raise Refused("isp.bill_not_exist")
        payments, refunds = self._of_day(day)
        if not (payments or refunds):
            raise Refused("isp.bill_not_exist")
        return self._link(self._zip(day, payments, refunds))

    def offer_empty(self, day_text: str, *, with_header: bool) -> str:
        """Return the link to a bill without a row, with or without its line of column names."""
        return self._link(self._zip(_parse_day(day_text), [], [], _COLUMNS if with_header else ""))

    def _link(self, content: bytes) -> str:
        now, token = self._clock.now(), secrets.token_urlsafe(16)
        with self._lock:
            self._links = {key: link for key, link in self._links.items() if link[0] > now}
            self._links[token] = (now + _LINK_SECONDS, content)
        return f"{self.origin}/bill/{token}"

    def download(self, token: str) -> Reply:
        with self._lock:
            until, content = self._links.get(token, (0.0, b""))
        if self._clock.now() >= until:
            return Reply("下载链接已失效".encode(), 403)
        return Reply(content, content_type="application/octet-stream")

    def _of_day(self, day: date) -> tuple[list[Trade], list[tuple[Trade, Refund]]]:
        payments, refunds = [], []
        for trade in self._trades.all():
            if trade.paid_at is not None and _day_of(trade.paid_at) == day:
                payments.append(trade)
            if trade.refunded_fen:
                made = self._trades.refunds(trade.out_trade_no)
                refunds += [(trade, refund) for refund in made if _day_of(refund.refunded_at) == day]
        return payments, refunds

    def _zip(
        self, day: date, payments: list[Trade], refunds: list[tuple[Trade, Refund]], header: str = _COLUMNS
    ) -> bytes:
        stem = f"{self._account.seller_id}0156_{day:%Y%m%d}_业务明细"
        return _zip_with_gbk_names(
            {
                f"{stem}.csv": self._detail(day, payments, refunds, header),
                f"{stem}(汇总).csv": self._summary(day, payments, refunds),
            }
        )

    def _detail(
        self, day: date, payments: list[Trade], refunds: list[tuple[Trade, Refund]], header: str
    ) -> str:
        received = sum(trade.amount_fen for trade in payments)
        returned = sum(refund.amount_fen for _, refund in refunds)
        lines = [
            *self._head(day, "业务明细"),
            *([header] if header else []),
            *(_row(trade) for trade in payments),
            *(_row(trade, refund) for trade, refund in refunds),
            "#-----------------------------------------业务明细列表结束------------------------------------",
            f"#交易合计：{len(payments)}笔，商家实收共{yuan(received)}元，商家优惠共0.00元",
            f"#退款合计：{len(refunds)}笔，商家实收退款共{yuan(-returned)}元，商家优惠退款共0.00元",
            f"#导出时间：[{_chinese(self._clock.now())}]",
        ]
        return "\n".join(lines) + "\n"

    def _summary(self, day: date, payments: list[Trade], refunds: list[tuple[Trade, Refund]]) -> str:
        net = yuan(sum(t.amount_fen for t in payments) - sum(refund.amount_fen for _, refund in refunds))
        lines = [
            *self._head(day, "业务汇总"),
            _SUMMARY_COLUMNS,
            f"合计\t,\t,{len(payments)},{len(refunds)},{net},{net},0.00,{net}",
            "#-----------------------------------------业务汇总列表结束------------------------------------",
            f"#导出时间：[{_chinese(self._clock.now())}]",
        ]
        return "\n".join(lines) + "\n"

    def _head(self, day: date, kind: str) -> list[str]:
        start, end = (f"{moment:%Y年%m月%d日} 00:00:00" for moment in (day, day + timedelta(days=1)))
        return [
            f"#支付宝{kind}查询",
            f"#账号：[{self._account.seller_id}0156]",
            f"#起始日期：[{start}]   终止日期：[{end}]",
            f"#-----------------------------------------{kind}列表----------------------------------------",
        ]


def _row(trade: Trade, refund: Refund | None = None) -> str:
    """25 columns, some ending in a tab. A refund repeats both ids; its amount is negative."""
    buyer = BUYERS[trade.buyer or "1"]
    done_at = refund.refunded_at if refund else trade.paid_at or 0.0
    amount = yuan(-refund.amount_fen if refund else trade.amount_fen)
    cells = [
        f"{trade.trade_no}\t",
        f"{trade.out_trade_no}\t",
        "退款\t" if refund else "交易\t",
        trade.subject,
        moment_text(trade.created_at or 0.0),
        moment_text(done_at),
        *(["\t"] * 4),
        f"{buyer.name}({buyer.logon_id})\t",
        amount,
        amount,
        *(["0.00"] * 5),
        "",
        "0.00\t",
        "0.00",
        f"{refund.out_request_no}\t" if refund else "\t",
        "0.00",
        "0.00",
        trade.subject,
    ]
    return ",".join(cells)


def _zip_with_gbk_names(members: dict[str, str]) -> bytes:
    """Zip the members under bare GBK names, as Alipay does; zipfile would write UTF-8 names with a flag.

    Each member is written under a random ASCII name with as many bytes, which is then replaced.
    """
    buffer = io.BytesIO()
    names = {secrets.token_hex(64)[: len(name.encode("gbk"))]: name.encode("gbk") for name in members}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for placeholder, text in zip(names, members.values(), strict=True):
            archive.writestr(placeholder, text.encode("gb18030"))
    content = buffer.getvalue()
    for placeholder, name in names.items():
        content = content.replace(placeholder.encode(), name)
    return content


def _parse_day(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise Refused("ACQ.INVALID_PARAMETER")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("ACQ.INVALID_PARAMETER") from error


def _day_of(moment: float) -> date:
    return datetime.fromtimestamp(moment, BEIJING).date()


def _chinese(moment: float) -> str:
    return datetime.fromtimestamp(moment, BEIJING).strftime("%Y年%m月%d日 %H:%M:%S")
