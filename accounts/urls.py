from django.urls import path

from accounts import views
from accounts.invitation_page import invitation

app_name = "accounts"
urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("login/code/", views.SignInByCode.as_view(), name="login_code"),
    path("verify/", views.VerifyNumber.as_view(), name="verify"),
    path("signup/", views.SignUp.as_view(), name="signup"),
    path("logout/", views.SignOut.as_view(), name="logout"),
    path("me/", views.me, name="me"),
    path("me/number/", views.NewNumber.as_view(), name="new_number"),
    path("password/reset/", views.ForgottenPassword.as_view(), name="forgotten"),
    path("password/", views.NewPassword.as_view(), name="password"),
    path("invitation/", invitation, name="invitation"),
]
