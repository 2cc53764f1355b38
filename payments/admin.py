"""Registers the admin classes of payments and orders, which are in staff/."""

from payments.staff import message_admin, order_admin, payment_admin, refund_admin  # noqa: F401
