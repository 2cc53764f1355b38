from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("signup/", views.SignUp.as_view(), name="signup"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("me/", views.me, name="me"),
    path("password/", views.NewPassword.as_view(), name="password"),
]
