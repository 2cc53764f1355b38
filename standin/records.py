"""Records of buyers, pay requests, trades and refunds, and Alipay's names for products and statuses."""

from dataclasses import dataclass

WAP_PAY = "alipay.trade.wap.pay"
PAGE_PAY = "alipay.trade.page.pay"
APP_PAY = "alipay.trade.app.pay"
PRECREATE = "alipay.trade.precreate"
CREATE = "alipay.trade.create"

NOT_EXIST = "NOT_EXIST"  # not one of Alipay's: pay request made, no buyer yet
WAITING = "WAIT_BUYER_PAY"
SUCCESS = "TRADE_SUCCESS"
FINISHED = "TRADE_FINISHED"
CLOSED = "TRADE_CLOSED"


@dataclass(frozen=True)
class Product:
    """A way of paying. `codes` are the accepted product codes; "" among them makes the code optional."""

    label: str
    codes: frozenset[str]
    # The trade exists as soon as the buyer has signed in, not only when they confirm the payment.
    opens_at_sign_in: bool = False


PRODUCTS = {
    WAP_PAY: Product("手机网站支付", frozenset({"QUICK_WAP_WAY", "QUICK_WAP_PAY", ""})),
    PAGE_PAY: Product("电脑网站支付", frozenset({"FAST_INSTANT_TRADE_PAY"}), opens_at_sign_in=True),
    APP_PAY: Product("App 支付", frozenset({"QUICK_MSECURITY_PAY", ""})),
    PRECREATE: Product(
        "扫码支付", frozenset({"FACE_TO_FACE_PAYMENT", "QR_CODE_OFFLINE", ""}), opens_at_sign_in=True
    ),
    CREATE: Product(
        "小程序支付", frozenset({"JSAPI_PAY", "FACE_TO_FACE_PAYMENT", ""}), opens_at_sign_in=True
    ),
}
# A browser or an app brings these requests; the others are API calls of the merchant's server.
BY_BROWSER = frozenset({WAP_PAY, PAGE_PAY, APP_PAY})


@dataclass(frozen=True)
class Buyer:
    user_id: str
    open_id: str
    logon_id: str
    name: str


BUYERS = {
    "1": Buyer(
        "2088722000000001", "014vRq3ZtK8mWx5uYbJ2nHc7LsQe9PaGdTf0UiXoVk6Dz81", "zha***@sandbox.com", "*三"
    ),
    "2": Buyer(
        "2088722000000002", "027yNw6CsE1hBp4rMjF8gTk3QxVd5ZaLuHo9IiXeRb7Wc42", "lis***@sandbox.com", "*四"
    ),
}


@dataclass(frozen=True)
class PayRequest:
    """Parameters fixed by a signed pay request. Times are seconds since 1970."""

    out_trade_no: str
    method: str
    subject: str
    amount_fen: int
    expires_at: float
    life_seconds: float = 0.0  # if positive, the deadline moves to this long after the trade began to exist
    time_expire: str = ""  # text as sent
    return_url: str = ""
    notify_url: str = ""
    quit_url: str = ""
    passback_params: str = ""
    charset: str = "utf-8"  # of the messages about the trade: "utf-8" or "GBK"


@dataclass(frozen=True)
class Trade:
    out_trade_no: str
    session: str
    method: str
    subject: str
    amount_fen: int
    expires_at: float
    life_seconds: float
    time_expire: str
    return_url: str
    notify_url: str
    quit_url: str
    passback_params: str
    charset: str
    status: str
    trade_no: str | None
    buyer: str | None
    created_at: float | None
    paid_at: float | None
    closed_at: float | None
    refunded_fen: int

    @property
    def is_paid(self) -> bool:
        return self.status in (SUCCESS, FINISHED)

    def matches(self, request: PayRequest) -> bool:
        return (self.method, self.subject, self.amount_fen, self.time_expire) == (
            request.method,
            request.subject,
            request.amount_fen,
            request.time_expire,
        )


@dataclass(frozen=True)
class Refund:
    out_trade_no: str
    out_request_no: str
    amount_fen: int
    refunded_at: float
