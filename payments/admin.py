"""Registers the admin of payments, and that of orders; see staff/."""

from payments.staff import bill_admin, message_admin, order_admin, payment_admin, refund_admin  # noqa: F401
