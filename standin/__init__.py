"""A pretend Alipay: a process of its own, with its own keys and state. See docs/standin.md.

It shares no code with payments.alipay: a mistake in the signed text must show, not cancel out.
"""

from .standin import StandIn

__all__ = ["StandIn"]
