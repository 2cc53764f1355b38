from django.apps import AppConfig
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        from accounts.search import register_order_finder
        from houses.stored_photos import forget_photo
        from orders.models import ReviewPhoto
        from orders.money_state import orders_numbered_at_alipay

        register_order_finder(orders_numbered_at_alipay)
        post_delete.connect(forget_photo, sender=ReviewPhoto, dispatch_uid="orders.models")
