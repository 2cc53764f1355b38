"""The Alipay client of this process, built from the settings."""

import functools

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from payments.alipay import keys
from payments.alipay.client import AlipayClient


@functools.cache
def alipay_client() -> AlipayClient:
    """Raises KeyProblem if the key files can't be used."""
    private_key = keys.load_private_key(settings.ALIPAY_APP_PRIVATE_KEY_PATH)
    public_keys = keys.load_public_keys(settings.ALIPAY_PUBLIC_KEY_PATH)
    keys.check_pair(private_key, public_keys)
    return AlipayClient(
        app_id=settings.ALIPAY_APP_ID,
        gateway_url=settings.ALIPAY_GATEWAY_URL,
        private_key=private_key,
        public_keys=public_keys,
    )


@receiver(setting_changed)
def forget_client(*, setting: str, **kwargs: object) -> None:
    if setting.startswith("ALIPAY_"):
        alipay_client.cache_clear()
