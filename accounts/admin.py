from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms import StaffLoginForm, StaffUserChangeForm, StaffUserCreationForm
from accounts.keeping import did_anything
from accounts.models import User
from accounts.search import NumberSearch
from core.admin import DatesInRange
from core.admin_changes import ChangedFieldsAdmin

admin.site.login_form = StaffLoginForm


@admin.register(User)
class UserAdmin(ChangedFieldsAdmin, NumberSearch, DatesInRange, DjangoUserAdmin):
    form = StaffUserChangeForm
    add_form = StaffUserCreationForm
    list_display = ["mobile", "name", "email", "is_staff", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_superuser", "is_active"]
    search_fields = ["mobile", "name", "email"]
    number_lookups = {"mobile": "mobile", "order": "orders__number"}
    ordering = ["-date_joined"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["mobile", "password", "name", "email"]}),
        (
            _("Permissions"),
            {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]},
        ),
        (_("Important dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["mobile", "usable_password", "password1", "password2"]})
    ]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Refuse to delete users who did anything, alone or among others, and say what to do instead."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        kept = [str(user) for user in objs if did_anything(user)]
        for name in kept:
            refusal = gettext(
                "%(user)s has orders or has worked here, and those records name them. Close the account "
                "instead: untick “%(active)s” and save."
            )
            values = {"user": name, "active": capfirst(User._meta.get_field("is_active").verbose_name)}
            self.message_user(request, refusal % values, messages.ERROR)
        return deleted, counts, set() if kept else lacking, [*protected, *kept]


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(ChangedFieldsAdmin, DjangoGroupAdmin):
    """Groups, which other staff may be changing at the same time."""
