from django.urls import path

from accounts import email_views, views
from accounts.factors import views as factors
from accounts.invitation_page import invitation
from accounts.sessions_page import sessions

app_name = "accounts"
urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("login/code/", views.SignInByCode.as_view(), name="login_code"),
    path("verify/", views.VerifyNumber.as_view(), name="verify"),
    path("signup/", views.SignUp.as_view(), name="signup"),
    path("logout/", views.SignOut.as_view(), name="logout"),
    path("me/", views.me, name="me"),
    path("me/sessions/", sessions, name="sessions"),
    path("me/number/", views.NewNumber.as_view(), name="new_number"),
    path("me/email/", email_views.ConfirmEmail.as_view(), name="confirm_email"),
    path("me/email/confirm/", email_views.EmailConfirmed.as_view(), name="email_confirmed"),
    path("me/email/remove/", email_views.RemoveEmail.as_view(), name="remove_email"),
    path("factor/", factors.Question.as_view(), name="factor"),
    path("me/factors/", factors.Overview.as_view(), name="factors"),
    path("me/factors/app/", factors.NewApp.as_view(), name="factor_app"),
    path("me/factors/app/remove/", factors.RemoveApp.as_view(), name="factor_app_remove"),
    path("me/factors/passkey/", factors.NewPasskey.as_view(), name="factor_passkey"),
    path(
        "me/factors/passkey/<int:pk>/remove/", factors.RemovePasskey.as_view(), name="factor_passkey_remove"
    ),
    path("me/factors/codes/", factors.NewCodes.as_view(), name="factor_codes"),
    path("password/reset/email/", email_views.ResetByEmail.as_view(), name="reset_by_email"),
    path("password/reset/link/", email_views.PasswordByLink.as_view(), name="password_by_link"),
    path("password/reset/", views.ForgottenPassword.as_view(), name="forgotten"),
    path("password/", views.NewPassword.as_view(), name="password"),
    path("invitation/", invitation, name="invitation"),
]
