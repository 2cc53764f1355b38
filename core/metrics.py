"""Counters of the process, for /metrics. What the database knows is read there at each scrape instead.

Labels are names of ours, never text from outside: each new value is a time series that is kept for good.
Where PROMETHEUS_MULTIPROC_DIR names a folder, the counts of all processes are in files there.
"""

from functools import cache

from prometheus_client import Counter, Histogram

REQUESTS = Counter("ihome_requests", "Answered requests", ["view", "status"])
ATTEMPTS = Counter("ihome_attempts", "Attempts to pay that were begun", ["product"])
SETTLEMENT_DELAY = Histogram(
    "ihome_settlement_delay_seconds",
    "From the payment at Alipay to its record here, by the message that told of it",
    ["channel"],
    buckets=(2, 10, 60, 300, 1800, 7200, 86400),
)
MESSAGES = Counter("ihome_messages", "Verdicts on messages that Alipay signed", ["verdict"])
REJECTED = Counter("ihome_messages_rejected", "Messages that Alipay did not sign", ["channel", "reason"])
GATEWAY = Histogram(
    "ihome_gateway_seconds",
    "Calls to Alipay",
    ["method", "result"],
    buckets=(0.1, 0.3, 1, 3, 8),
)
BREAKER_OPENED = Counter("ihome_breaker_opened", "Circuit breakers that opened", ["service"])
RETRIES = Counter("ihome_transaction_retries", "Transactions that were tried again", ["code"])
MAILS = Counter("ihome_mails", "Mails", ["result"])
SMS = Counter("ihome_sms", "Codes by SMS", ["result"])
ROUNDS = Counter("ihome_sweep_rounds", "Rounds of the sweep")
ITEMS = Counter("ihome_sweep_items", "Items that the sweep did", ["task"])


_CLASSES = ("", "1xx", "2xx", "3xx", "4xx", "5xx")


@cache
def counter(metric: Counter, *labels: str) -> Counter:
    """Return a counter's child. Looking it up there costs more than counting."""
    return metric.labels(*labels)


@cache
def histogram(metric: Histogram, *labels: str) -> Histogram:
    return metric.labels(*labels)


def count_request(view: str, status: int) -> None:
    """Count an answer under its view and the class of its status, such as 5xx."""
    counter(REQUESTS, view, _CLASSES[status // 100]).inc()
