"""A stand-in for Alipay: a separate process with its own keys and state. See docs/standin.md.

It shares no code with payments.alipay: a mistake in the signed text must fail, not cancel out.
"""

from .standin import StandIn

__all__ = ["StandIn"]
