from django.apps import AppConfig
from django.db.models.signals import pre_delete
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Users")

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from accounts import (
            browser_sessions,
            checks,  # noqa: F401  registers its check
        )
        from accounts.access_log import note_sign_in
        from accounts.devices import remember_device
        from accounts.factors.sessions import begin
        from accounts.keeping import protect_history
        from accounts.models import User
        from accounts.session_age import set_end

        user_logged_in.connect(remember_device, dispatch_uid="accounts.devices")
        user_logged_in.connect(browser_sessions.remember, dispatch_uid="accounts.browser_sessions")
        user_logged_out.connect(browser_sessions.forget, dispatch_uid="accounts.browser_sessions")
        user_logged_in.connect(set_end, dispatch_uid="accounts.session_age")
        user_logged_in.connect(note_sign_in, dispatch_uid="accounts.access_log")
        user_logged_in.connect(begin, dispatch_uid="accounts.factors")
        pre_delete.connect(protect_history, sender=User, dispatch_uid="accounts.keeping")
