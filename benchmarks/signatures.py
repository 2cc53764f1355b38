"""RSA2 alone, with keys in memory: OpenSSL through cryptography compared with the SDK."""

from contextlib import nullcontext
from urllib.parse import parse_qsl

from django.conf import settings

from benchmarks import article
from benchmarks.measure import Act, Ratio, Side, alternate
from payments.alipay import keys, signing


def sign_and_verify(notify: bytes, rounds: int) -> list[Ratio]:
    """Measure signing and verifying. `notify` is the body of a notice that the stand-in signed."""
    params = dict(parse_qsl(notify.decode(), keep_blank_values=True))
    signature = params.pop("sign")
    params.pop("sign_type")
    text = signing.text_to_sign(params)
    private_key = keys.load_private_key(settings.ALIPAY_APP_PRIVATE_KEY_PATH)
    public_keys = keys.load_public_keys(settings.ALIPAY_PUBLIC_KEY_PATH)
    sdk = article.alipay_client()

    def our_verify() -> bool:
        return signing.is_signed(signing.text_to_sign(params).encode(), signature, public_keys)

    assert sdk._sign(text) == signing.sign(text, private_key)
    assert sdk.verify(dict(params), signature) and our_verify()

    def hundred(name: str, act: Act) -> Side:
        def acts() -> None:
            for _ in range(100):
                act()

        return Side(f"{name}, 100 times", lambda: nullcontext(acts))

    our_sign, sdk_sign, our_verified, sdk_verified, _ = alternate(
        "Sign and verify a notice",
        [
            hundred("ihome, sign", lambda: signing.sign(text, private_key)),
            hundred("the SDK, sign", lambda: sdk._sign(text)),
            hundred("ihome, verify", our_verify),
            hundred("the SDK, verify", lambda: sdk.verify(dict(params), signature)),
            Side("the SDK, build the client from PEM, once", lambda: nullcontext(article.alipay_client)),
        ],
        max(2, rounds // 3),
    )
    return [
        Ratio("sign: times the SDK's", sdk_sign.seconds / our_sign.seconds, 5),
        Ratio("verify: times the SDK's", sdk_verified.seconds / our_verified.seconds, 20),
    ]
