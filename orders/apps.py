from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        from accounts.search import register_order_finder
        from orders.money_state import orders_numbered_at_alipay

        register_order_finder(orders_numbered_at_alipay)
