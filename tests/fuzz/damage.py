"""Ways to damage a message, each drawn from a random generator. Some leave it as it was: message.py tells."""

import base64
import gzip
from collections.abc import Callable
from dataclasses import replace
from random import Random
from urllib.parse import quote_from_bytes

from tests.alipay import NOTIFY, PAYCOMPLETE, signature
from tests.fuzz.message import FORM, Fields, Message

Damage = Callable[[Message, Message, Random], Message]
"""The message, another genuine one to take parts of, and the dice."""

SIGN, SIGN_TYPE, CHARSET = b"sign", b"sign_type", b"charset"
TO_OTHERS = [b"out_trade_no", b"trade_no", b"total_amount", b"seller_id", b"app_id", SIGN]
ODD_BYTES = [
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xf0\x9f\x92",
    b"\r\n",
    b"%",
    b"&",
    b"=",
    b"+",
    b"\xe2\x80\xae",
]
ODD_ESCAPES = [
    b"%",
    b"%z",
    b"%zz",
    b"%u5a5a",
    b"%00",
    b"%ED%A0%80",
    b"%C0%AF",
    b"%FF",
    b"%0A",
    b"%26",
    b"%3D",
    b"%2526",
]
AMOUNTS = [
    b"0.01",
    b"0",
    b"-1.00",
    b"1e3",
    b"NaN",
    b"300",
    b"300.0",
    b"300.000",
    b"0300.00",
    b"+300.00",
    b"3,00.00",
]


def _changed(fields: Fields, name: bytes, value: bytes) -> Fields:
    return [(each, value if each == name else old) for each, old in fields]


def flip_bits(message: Message, _other: Message, dice: Random) -> Message:
    raw = bytearray(message.raw)
    for _ in range(dice.randint(1, 4)):
        if raw:
            raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
    return replace(message, raw=bytes(raw))


def cut(message: Message, _other: Message, dice: Random) -> Message:
    first, last = sorted(dice.choices(range(len(message.raw) + 1), k=2))
    return replace(
        message, raw=dice.choice([message.raw[:first], message.raw[last:], message.raw[first:last]])
    )


def insert(message: Message, _other: Message, dice: Random) -> Message:
    at, odd = dice.randint(0, len(message.raw)), dice.choice(ODD_BYTES + ODD_ESCAPES)
    return replace(message, raw=message.raw[:at] + odd * dice.choice([1, 1, 50]) + message.raw[at:])


def drop_fields(message: Message, _other: Message, dice: Random) -> Message:
    keep = dice.uniform(0, 1)
    return message.with_fields([pair for pair in message.fields if dice.random() < keep])


def double_field(message: Message, other: Message, dice: Random) -> Message:
    fields, added = list(message.fields), dice.choice([*message.fields, *other.fields])
    fields.insert(dice.randint(0, len(fields)), added)
    return message.with_fields(fields)


def swap_values(message: Message, _other: Message, dice: Random) -> Message:
    fields = list(message.fields)
    if len(fields) > 1:
        a, b = dice.sample(range(len(fields)), 2)
        fields[a], fields[b] = (fields[a][0], fields[b][1]), (fields[b][0], fields[a][1])
    return message.with_fields(fields)


def rename(message: Message, _other: Message, dice: Random) -> Message:
    fields = list(message.fields)
    if fields:
        at = dice.randrange(len(fields))
        name, value = fields[at]
        odd = [name.upper(), name + b"[]", b" " + name, name + b"\0", b"_" + name, name[:-1], b""]
        fields[at] = (dice.choice(odd), value)
    return message.with_fields(fields)


def splice(message: Message, other: Message, dice: Random) -> Message:
    """Put parts of another genuine message into this one."""
    theirs, fields = dict(other.fields), message.fields
    for name in dice.sample(TO_OTHERS, dice.randint(1, 3)):
        fields = _changed(fields, name, theirs.get(name, b""))
    return message.with_fields(fields)


def cut_anew(message: Message, _other: Message, dice: Random) -> Message:
    """Join two fields that stand together in the signed text, which stays the same."""
    signed = sorted(pair for pair in message.fields if pair[0] not in (SIGN, SIGN_TYPE))
    rest = [pair for pair in message.fields if pair[0] in (SIGN, SIGN_TYPE)]
    if len(signed) > 1:
        at = dice.randrange(len(signed) - 1)
        (name, value), (next_name, next_value) = signed[at : at + 2]
        signed[at : at + 2] = [(name, value + b"&" + next_name + b"=" + next_value)]
    return message.with_fields(signed + rest)


def change_amount(message: Message, _other: Message, dice: Random) -> Message:
    name = dice.choice([b"total_amount", b"receipt_amount", b"buyer_pay_amount"])
    return message.with_fields(_changed(message.fields, name, dice.choice(AMOUNTS)))


def change_status(message: Message, _other: Message, dice: Random) -> Message:
    status = dice.choice([b"TRADE_FINISHED", b"TRADE_SUCCESS", b"TRADE_CLOSED", b"trade_success", b""])
    return message.with_fields([*_changed(message.fields, b"trade_status", status), (b"refund_fee", b"1.00")])


def change_charset(message: Message, _other: Message, dice: Random) -> Message:
    """Name another charset, with or without writing in it."""
    name = dice.choice(["gbk", "GBK", "utf-16", "utf-7", "latin-1", "hex", "idna", "utf-8\0", "", "x" * 900])
    fields = _changed(message.fields, CHARSET, name.encode())
    if name in ("gbk", "utf-16", "utf-7") and dice.random() < 0.7:
        fields = [(a, b.decode("utf-8", "replace").encode(name, "replace")) for a, b in fields]
    return message.with_fields(fields)


def change_sign_type(message: Message, _other: Message, dice: Random) -> Message:
    kinds = [
        b"RSA",
        b"rsa2",
        b"RSA2 ",
        b" RSA2",
        b"",
        b"RSA2\0",
        b"SM2",
        b"None",
        b"HMAC",
        "ＲＳＡ２".encode(),
    ]
    fields = _changed(message.fields, SIGN_TYPE, dice.choice(kinds))
    return message.with_fields([pair for pair in fields if pair[1] or dice.random() < 0.5])


def change_sign(message: Message, other: Message, dice: Random) -> Message:
    sign = dict(message.fields).get(SIGN, b"")
    odd = [
        *(b"", b"a", b"=", b"AAAA", b"\0", sign[:-1], sign[:-2], sign + b"=", sign + b"A", sign.lower()),
        *(
            sign.replace(b"/", b"_").replace(b"+", b"-"),
            sign.replace(b"+", b" "),
            sign[:40] + b"\n" + sign[40:],
        ),
        *(sign + b" ", b" " + sign, sign * 2, b"A" * 60_000, dict(other.fields).get(SIGN, b"")),
        *(
            base64.b64encode(dice.randbytes(256)),
            base64.b64encode(b"\0" * 256),
            base64.b64encode(b"\xff" * 256),
        ),
    ]
    return message.with_fields(_changed(message.fields, SIGN, dice.choice(odd)))


def sign_as_ourselves(message: Message, _other: Message, dice: Random) -> Message:
    """Sign with our own key, which Alipay's notices never carry."""
    fields = (
        dict(_changed(message.fields, b"total_amount", b"0.01"))
        if dice.random() < 0.5
        else dict(message.fields)
    )
    signed = {name: value for name, value in fields.items() if name not in (SIGN, SIGN_TYPE)}
    text = b"&".join(name + b"=" + value for name, value in sorted(signed.items())).decode("latin-1")
    fields[SIGN] = signature(text, key="app_private_key.pem", charset="latin-1").encode()
    return message.with_fields(list(fields.items()))


def reorder(message: Message, _other: Message, dice: Random) -> Message:
    return message.with_fields(dice.sample(message.fields, len(message.fields)))


def escape_anew(message: Message, _other: Message, dice: Random) -> Message:
    """Escape every byte, few, twice, in small letters, or not at all."""
    ways: list[Callable[[bytes], str]] = [
        lambda text: "".join(f"%{byte:02x}" for byte in text),
        lambda text: quote_from_bytes(text, safe='/:[]{}",~ '),
        lambda text: quote_from_bytes(quote_from_bytes(text, safe="").encode(), safe=""),
        lambda text: quote_from_bytes(text, safe="").lower(),
        lambda text: text.decode("latin-1"),
        lambda text: quote_from_bytes(text, safe="").replace("%20", "+"),
    ]
    return message.with_fields(message.fields, dice.choice(ways))


def change_separator(message: Message, _other: Message, dice: Random) -> Message:
    return replace(
        message, raw=message.raw.replace(b"&", dice.choice([b";", b"&&", b"&amp;", b"\n", b"%26", b"&=&"]))
    )


def add_much(message: Message, _other: Message, dice: Random) -> Message:
    """Add thousands of fields, or one of a megabyte."""
    many = b"".join(b"&x%d=%d" % (number, number) for number in range(dice.choice([80, 500, 5000])))
    much = b"&x=" + b"x" * dice.choice([3_000, 70_000, 1_000_000])
    return replace(message, raw=dice.choice([message.raw + many, many[1:] + message.raw, message.raw + much]))


def nest(message: Message, _other: Message, dice: Random) -> Message:
    """Send the fields as JSON or multipart, with the type of either."""
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.fields]
    part = '--B\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    texts = {
        "application/json": str(dict(fields)).replace("'", '"'),
        "multipart/form-data; boundary=B": "".join(part.format(*pair) for pair in fields) + "--B--",
        "multipart/form-data": "--B\r\n",
        "multipart/form-data; boundary=\xff": "--\xff\r\n\r\n",
        "text/xml": "<xml><return_code>SUCCESS</return_code></xml>",
    }
    kind = dice.choice([*texts])
    raw = message.raw if dice.random() < 0.3 else texts[kind].encode("latin-1")
    return replace(message, raw=raw).with_headers(CONTENT_TYPE=kind)


def change_type(message: Message, _other: Message, dice: Random) -> Message:
    kinds = [
        "",
        "text/plain",
        "application/json",
        f"{FORM}; charset=gbk",
        f"{FORM}; charset=hex",
        f"{FORM};;=;\0",
    ]
    kinds += [
        "application/x-www-form-urlencode",
        f"x{FORM}",
        f"{FORM}, {FORM}",
        "\xff\xfe",
        "multipart/form-data",
    ]
    return message.with_headers(CONTENT_TYPE=dice.choice(kinds))


def change_headers(message: Message, _other: Message, dice: Random) -> Message:
    tricks: list[dict[str, str]] = [
        *({"CONTENT_LENGTH": length} for length in ("", "0", "-1", "x", "99999999999999999999", "10", "1e3")),
        *({"HTTP_X_HTTP_METHOD_OVERRIDE": method} for method in ("POST", "GET", "PUT")),
        *({"HTTP_TRANSFER_ENCODING": kind} for kind in ("chunked", "gzip", "identity")),
        *({"HTTP_HOST": host} for host in ("evil.example", "", "testserver:99999", "a b", "[::1", "\xff")),
        *(
            {"HTTP_COOKIE": text}
            for text in ("sessionid=\0; x", "sessionid=" + "x" * 5000, "=;=;", "\xff=\xfe")
        ),
        *({"HTTP_ACCEPT_LANGUAGE": text} for text in ("\xff", "x" * 5000, "zh;q=x", "../../etc")),
        {"HTTP_X_FORWARDED_FOR": "1.2.3.4, \0, x", "HTTP_X_FORWARDED_PROTO": "javascript"},
        {"HTTP_X_REQUEST_ID": "\n" * 9 + "x" * 5000},
        {"HTTP_CONTENT_ENCODING": "gzip"},
        {"HTTP_EXPECT": "100-continue", "HTTP_RANGE": "bytes=9-1"},
        {"HTTP_USER_AGENT": "MicroMessenger \0" * 99, "HTTP_REFERER": "javascript:\xff"},
    ]
    return message.with_headers(**dice.choice(tricks))


def compress(message: Message, _other: Message, _dice: Random) -> Message:
    return replace(message, raw=gzip.compress(message.raw, mtime=0)).with_headers(
        HTTP_CONTENT_ENCODING="gzip"
    )


def other_door(message: Message, _other: Message, dice: Random) -> Message:
    """Bring a notice as a return, a return as a notice, or either by another method or address."""
    path = dice.choice(
        [NOTIFY, PAYCOMPLETE, message.path.rstrip("/"), message.path + "/", message.path + "\xff"]
    )
    method = dice.choice(["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "post", "TRACE"])
    return replace(message, path=path, method=method).with_headers(CONTENT_TYPE=FORM)


DAMAGES: list[Damage] = [
    *(
        flip_bits,
        cut,
        insert,
        drop_fields,
        double_field,
        swap_values,
        rename,
        splice,
        cut_anew,
        change_amount,
    ),
    *(change_status, change_charset, change_sign_type, change_sign, sign_as_ourselves, reorder, escape_anew),
    *(change_separator, add_much, nest, change_type, change_headers, compress, other_door),
]


def damaged(message: Message, other: Message, dice: Random) -> tuple[Message, list[str]]:
    """Return the message with one to three damages, and their names."""
    chosen = dice.sample(DAMAGES, dice.choice([1, 1, 1, 2, 3]))
    for damage in chosen:
        message = damage(message, other, dice)
    return message, [damage.__name__ for damage in chosen]
