"""Language of the cashier: the browser's, until its link chooses one, which a cookie keeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie

from .wire import Reply, Request

COOKIE = "cashier_language"
CHOICES = ("zh", "en")
_language: ContextVar[str] = ContextVar("language", default="zh")

ENGLISH = {
    "模拟支付宝": "Stand-in Alipay",
    "这里不会动用真实资金": "no real money moves here",
    "确认付款": "Confirm payment",
    "登录并付款": "Sign in and pay",
    "只登录，稍后付款": "Only sign in, pay later",
    "也可以试试不顺利的情况：": "Try what can go wrong:",
    "付款但不返回商家": "Pay, but don't return to the shop",
    "付款失败（余额不足）": "Payment fails (not enough money)",
    "放弃付款，返回商家": "Give up and return to the shop",
    "返回商家": "Return to the shop",
    "付款成功": "Payment successful",
    "交易已关闭": "This payment is closed",
    "没有这个收银台": "There is no such cashier",
    "订单信息有误": "The order can't be paid",
    "错误码": "Error code",
    "商品": "Item",
    "商户订单号": "Shop's number",
    "产品": "Product",
    "付款截止": "Pay by",
    "支付宝交易号": "Alipay number",
    "已登录": "Signed in",
    "换一个账号": "Use another account",
    "用哪个支付宝账号": "Pay with which Alipay account",
    "买家": "Buyer ",
    "App 会收到这个结果": "The app gets this result",
    "手机网站支付": "Mobile website",
    "电脑网站支付": "Website",
    "App 支付": "App",
    "扫码支付": "QR code",
    "小程序支付": "Mini program",
    "付款失败：余额不足，未扣款。可以重试或放弃。": (
        "Payment failed: not enough money, nothing was charged. Try again or give up."
    ),
    "付款失败：这笔交易属于另一个支付宝账号。": (
        "Payment failed: this payment belongs to another Alipay account."
    ),
    "已放弃付款。": "Payment given up.",
}


def say(text: str) -> str:
    """Return a text of the cashier in the language of the page."""
    return ENGLISH[text] if is_english() else text


def is_english() -> bool:
    return _language.get() == "en"


@contextmanager
def speaking(request: Request) -> Iterator[None]:
    """Answer in the language of the cookie, else of the browser."""
    before = _language.set("en" if _wanted(request) == "en" else "zh")
    try:
        yield
    finally:
        _language.reset(before)


def _wanted(request: Request) -> str:
    first_choice = request.headers.get("Accept-Language", "")[:2].lower()
    try:
        cookie = SimpleCookie(request.headers.get("Cookie", "")).get(COOKIE)
    except CookieError:
        return first_choice
    return cookie.value if cookie else first_choice


def keep(language: str, page: str) -> Reply:
    """Keep the language in the cookie and show the page."""
    cookie = f"{COOKIE}={language}; Path=/; HttpOnly; SameSite=Lax"
    return Reply(status=303, headers={"Location": page, "Set-Cookie": cookie})
