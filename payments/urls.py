from django.urls import path

from payments.pages import views, waiting_change, wechat
from payments.pages.change import change
from payments.pages.receipt import receipt

app_name = "payments"
urlpatterns = [
    path("paycomplete/", views.paycomplete, name="paycomplete"),
    path("notify/", views.notify, name="notify"),
    path("<order_number:number>/pay/", views.pay, name="pay"),
    path("<order_number:number>/status/", views.status, name="status"),
    path("<order_number:number>/cancel/", views.cancel, name="cancel"),
    path("<order_number:number>/change/", change, name="change"),
    path("<order_number:number>/change/pay/", waiting_change.pay, name="pay_change"),
    path("<order_number:number>/change/drop/", waiting_change.drop, name="drop_change"),
    path("<order_number:number>/check/", views.check, name="check"),
    path("<order_number:number>/receipt/", receipt, name="receipt"),
    path("<order_number:number>/way-out/", wechat.way_out, name="way_out"),
]
