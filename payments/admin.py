"""Registers the admin classes of payments and orders, which are in staff/."""

from payments.staff import double_sale_admin, message_admin, order_admin, payment_admin, recovery_admin  # noqa: F401
from payments.staff import refund_admin as refund_admin
