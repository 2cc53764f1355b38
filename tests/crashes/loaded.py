"""The site's parts that a process loads when it first needs them: here once, before processes are forked.

A process that dies after one request or one sweep would spend most of its time on them.
"""

import functools

from django.template.loader import get_template
from django.urls import reverse

from jobs.management.commands import sweep  # noqa: F401
from payments.alipay import keys
from payments.alipay.configured import alipay_client


def load() -> None:
    reverse("houses:search")  # makes the table of all addresses
    get_template("orders/mail.txt")
    keys.load_pem_private_key = functools.cache(keys.load_pem_private_key)  # which the checks ask for again
    alipay_client()
