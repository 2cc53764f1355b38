from django.urls import path, register_converter

from orders import guests_page, invoice_page, views


class OrderNumber:
    """Path converter for order numbers: fourteen ASCII digits."""

    regex = "[0-9]{14}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(OrderNumber, "order_number")

app_name = "orders"
urlpatterns = [
    path("", views.order_list, name="list"),
    path("<order_number:number>/", views.order_detail, name="detail"),
    path("<order_number:number>/calendar.ics", views.calendar_file, name="calendar"),
    path("<order_number:number>/guests/", guests_page.guests, name="guests"),
    path("<order_number:number>/invoice/", invoice_page.invoice, name="invoice"),
    path("<order_number:number>/review/", views.review, name="review"),
]
