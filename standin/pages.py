"""Pages for the buyer: plain HTML without JavaScript, labelled as a simulation."""

from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from .answers import as_html
from .clock import moment_text
from .errors import Refused
from .language import is_english, say
from .money import yuan
from .records import BUYERS, PRODUCTS, Trade
from .wire import CODECS, GBK, UTF8, Reply

CSS = Path(__file__).with_name("cashier.css").read_bytes()


def cashier_page(
    trade: Trade, *, payable: bool, buyer: str = "", alert: str = "", app_result: str = ""
) -> Reply:
    """The page to sign in and pay. `buyer` is the signed-in buyer, "" if there is none.

    `app_result`: JSON that the SDK on a phone would hand to the app, "" if there is none.
    """
    handed = _handed_to_app(trade, app_result) if app_result else ""
    if trade.is_paid:
        return _paid_page(trade, handed)
    if not payable:
        return _page(say("交易已关闭"), _facts(trade) + handed + _back(trade), trade)
    alert_html = f'<p class="alert" role="alert">{escape(alert)}</p>' if alert else ""
    alert_html += handed
    fields = _buyer_fields(trade, buyer) + _buttons(buyer)
    form = f'<form method="post" action="/cashier/{trade.session}">{fields}</form>'
    return _page(say("确认付款"), alert_html + _facts(trade) + form, trade)


def error_page(refused: Refused) -> Reply:
    """Alipay's error page, in GBK with status 200. The headers repeat its codes for tests."""
    body = (
        f'<div class="card"><h1>{say("订单信息有误")}</h1>'
        f'<p class="alert" role="alert">{escape(refused.sub_msg)}</p>'
        f"<p>{say('错误码')}: {escape(refused.code)} <code>{escape(refused.sub_code)}</code></p></div>"
    )
    reply = _page(say("订单信息有误"), body, charset=GBK)
    headers = {
        **reply.headers,
        "X-Standin-Code": refused.code,
        "X-Standin-Sub-Code": refused.sub_code,
    }
    return Reply(reply.body, 200, reply.content_type, headers)


def not_found_page() -> Reply:
    title = say("没有这个收银台")
    reply = _page(title, f'<div class="card"><h1>{title}</h1></div>')
    return Reply(reply.body, 404, reply.content_type, reply.headers)


def _handed_to_app(trade: Trade, app_result: str) -> str:
    address = f"/cashier/{trade.session}/result"
    return (
        f'<p>{say("App 会收到这个结果")} (<a href="{address}">JSON</a>):</p>'
        f'<pre id="app-result">{escape(app_result)}</pre>'
    )


def _paid_page(trade: Trade, handed: str) -> Reply:
    back = (
        f'<a class="button main" id="return" href="/cashier/{trade.session}/return">{say("返回商家")}</a>'
        if trade.return_url
        else ""
    )
    return _page(say("付款成功"), _facts(trade) + handed + back, trade)


def _facts(trade: Trade) -> str:
    facts = {
        "商品": trade.subject,
        "商户订单号": trade.out_trade_no,
        "产品": say(PRODUCTS[trade.method].label),
    }
    if not trade.is_paid:
        facts["付款截止"] = moment_text(trade.expires_at)
    if trade.trade_no:
        facts["支付宝交易号"] = trade.trade_no
    rows = "".join(
        f"<div><dt>{say(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items()
    )
    return f'<p class="amount">￥{yuan(trade.amount_fen)}</p><dl>{rows}</dl>'


def _buyer_fields(trade: Trade, buyer: str) -> str:
    if buyer:
        return (
            f'<input type="hidden" name="buyer" value="{buyer}">'
            f'<p>{say("已登录")}: {_buyer_label(buyer)} <a href="?">{say("换一个账号")}</a></p>'
        )
    choices = "".join(
        f'<label><input type="radio" name="buyer" value="{key}"{_checked(key == (trade.buyer or "1"))}>'
        f"{_buyer_label(key)}</label>"
        for key in BUYERS
    )
    return f"<fieldset><legend>{say('用哪个支付宝账号')}</legend>{choices}</fieldset>"


def _buyer_label(buyer: str) -> str:
    opening, closing = (" (", ")") if is_english() else ("（", "）")
    return f"{say('买家')}{buyer}{opening}{escape(BUYERS[buyer].logon_id)}{closing}"


def _checked(chosen: bool) -> str:
    return " checked" if chosen else ""


def _buttons(buyer: str) -> str:
    sign_in = "" if buyer else _button("login", "只登录，稍后付款", "quiet")
    return (
        _button("pay", "确认付款" if buyer else "登录并付款", "main")
        + sign_in
        + f'<div class="others"><p>{say("也可以试试不顺利的情况：")}</p>'
        + _button("pay-drop", "付款但不返回商家")
        + _button("refuse", "付款失败（余额不足）")
        + _button("abandon", "放弃付款，返回商家")
        + "</div>"
    )


def _button(action: str, label: str, css_class: str = "") -> str:
    return f'<button id="{action}" name="action" value="{action}" class="{css_class}">{say(label)}</button>'


def _back(trade: Trade) -> str:
    address = leaving_address(trade)
    return f'<a class="button" href="{escape(address)}">{say("返回商家")}</a>' if address else ""


def leaving_address(trade: Trade) -> str:
    """Return the address for a buyer who does not pay: the merchant's, else its front page, else ""."""
    if trade.quit_url or not trade.return_url:
        return trade.quit_url
    return _origin(trade.return_url) + "/"


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _other(trade: Trade | None) -> str:
    """Link to the page in the other language."""
    if trade is None:
        return ""
    language, lang, label = ("zh", "zh-Hans", "中文") if is_english() else ("en", "en", "English")
    return f'<a id="language" href="/cashier/{trade.session}?lang={language}" lang="{lang}">{label}</a>'


def _page(title: str, content: str, trade: Trade | None = None, charset: str = UTF8) -> Reply:
    card = f'<div class="card"><h1>{title}</h1>{content}</div>' if trade else content
    html = (
        f'<!doctype html><html lang="{"en" if is_english() else "zh-Hans"}"><head><meta charset="{charset}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} · {say('模拟支付宝')}</title>"
        '<link rel="stylesheet" href="/cashier.css"></head><body>'
        f'<header class="pretend"><strong>{say("模拟支付宝")}</strong>: {say("这里不会动用真实资金")} '
        f"{_other(trade)}</header>"
        f"<main>{card}</main></body></html>"
    )
    # A browser checks the redirect after a form post against form-action too.
    sites = {_origin(url) for url in (trade.return_url, trade.quit_url) if url} if trade else set()
    policy = "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            " ".join(("form-action 'self'", *sorted(sites))),
        )
    )
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    reply = as_html(html.encode(CODECS[charset.lower()]), charset=charset)
    return Reply(reply.body, 200, reply.content_type, headers)
