"""Registers the admin of payments, and that of orders; see staff/."""

from payments.staff import message_admin, order_admin, payment_admin, refund_admin  # noqa: F401
