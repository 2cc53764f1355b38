"""Accounts, roles and account events in the admin. docs/staff.md says who may do what."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import ManyToManyField, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import access_log, events, invitations, roles
from accounts.agreement_admin import AgreementAdmin
from accounts.factors import again
from accounts.factors.help import FactorHelp
from accounts.guards import signed_in_user
from accounts.keeping import did_anything
from accounts.mobile import masked
from accounts.models import AccessEvent, AccountEvent, User, UserNote
from accounts.permission_words import PermissionsField, PermissionTicks
from accounts.search import NumberSearch
from accounts.staff_forms import NewStaffForm, StaffUserChangeForm
from core.admin import DatesInRange, ReadOnlyAdmin
from core.admin_changes import ChangedFieldsAdmin
from core.admin_notes import TakesNotes
from core.admin_pages import ByKey
from core.exports import Exported
from documents.models import Agreement

RIGHTS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")
CONTACT = ("mobile", "email")

admin.site.unregister(TOTPDevice)  # its page would show the secrets of apps


@admin.register(User)
class UserAdmin(
    FactorHelp, TakesNotes, Exported, ChangedFieldsAdmin, NumberSearch, DatesInRange, DjangoUserAdmin
):
    note_model, note_on = UserNote, "user"
    form = StaffUserChangeForm
    add_form = NewStaffForm
    add_form_template = None
    list_display = ["mobile", "name", "email", "is_staff", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_superuser", "is_active", "groups"]
    search_fields = ["mobile", "name", "email"]
    number_lookups = {"mobile": "mobile", "order": "orders__number"}
    export_columns = [
        *("mobile", "name", "nickname", "email", "is_staff", "is_superuser", "is_active"),
        *("date_joined", "last_login", "mobile_verified_at", "email_verified_at", "closed_at"),
    ]
    filter_horizontal = ()
    ordering = ["-id"]
    readonly_fields = ["has_password", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["mobile", "name", "nickname", "email", "has_password"]}),
        (_("Permissions"), {"fields": RIGHTS}),
        (_("Important dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": ["mobile", "name", "groups"],
                "description": _("For new staff. Next, you get a link with which they set their password."),
            },
        )
    ]

    @admin.display(description=_("password set"), boolean=True)
    def has_password(self, user: User) -> bool:
        return user.has_usable_password()

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or roles.may_change(signed_in_user(request), obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or roles.may_change(signed_in_user(request), obj))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Leave numbers and addresses to superusers: with one, somebody could sign in as its owner."""
        fields = super().get_readonly_fields(request, obj)
        may_all = obj is None or signed_in_user(request).is_superuser
        return fields if may_all else [*fields, *CONTACT, "is_superuser"]

    def formfield_for_manytomany(self, db_field: ManyToManyField, request: HttpRequest, **kwargs: Any) -> Any:
        givable = {"groups": roles.givable_groups, "user_permissions": roles.givable_permissions}
        kwargs["queryset"] = givable[db_field.name](signed_in_user(request))
        if db_field.name == "groups":  # ticks: a list in which several are chosen is hard to use on a phone
            kwargs["widget"] = forms.CheckboxSelectMultiple
        if db_field.name == "user_permissions":
            kwargs.update(form_class=PermissionsField, widget=PermissionTicks)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            self._refuse_overreach(request, None)
        return super().add_view(request, *args, **kwargs)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        user = self.get_object(request, unquote(object_id))
        if request.method == "POST" and user is not None:
            self._refuse_overreach(request, user)
        kwargs["extra_context"] = {
            **(kwargs.get("extra_context") or {}),
            "may_link": user is not None and self._may_link(request, user),
            "may_help": user is not None and self.may_help(request, user),
        }
        return super().change_view(request, object_id, *args, **kwargs)

    def _refuse_overreach(self, request: HttpRequest, user: User | None) -> None:
        """Refuse a post that no page of this actor sends, and tell superusers. Raises PermissionDenied."""
        may = self.has_change_permission(request, user) and (user or self.has_add_permission(request))
        tried = self._overreach(request, user) if may else ["add" if user is None else "change"]
        if tried:
            self._refuse(request, user, ", ".join(tried))

    def _overreach(self, request: HttpRequest, user: User | None) -> list[str]:
        actor = signed_in_user(request)
        if actor.is_superuser:
            return []
        offered = self.get_form(request, user, change=user is not None).base_fields
        guarded = RIGHTS if user is None else (*RIGHTS, *CONTACT)
        tried = [name for name in guarded if name in request.POST and name not in offered]
        for name in ("groups", "user_permissions"):
            if name in offered:
                givable = {str(row.pk) for row in offered[name].queryset}
                tried += [f"{name} {pk}" for pk in request.POST.getlist(name) if pk not in givable]
        return tried

    def _refuse(self, request: HttpRequest, user: User | None, tried: str) -> None:
        actor = signed_in_user(request)
        events.note(user or actor, AccountEvent.Kind.REFUSED, by=actor, detail=tried)
        raise PermissionDenied

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> Any:
        if "_addanother" in request.POST or IS_POPUP_VAR in request.POST:
            return super().response_add(request, obj, post_url_continue)
        return redirect("admin:auth_user_password_change", obj.pk)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Remember the rights as they are in the database, for save_related()."""
        form.labels_before = roles.labels_of(User.objects.get(pk=form.instance.pk)) if change else set()
        return super().save_form(request, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Write the account's events, in the transaction that saves it."""
        super().save_related(request, form, formsets, change)
        user, actor = form.instance, signed_in_user(request)
        changed = form.changed_fields if change else []
        if not change:
            events.note(user, AccountEvent.Kind.ADDED, by=actor)
        if "is_active" in changed:
            kind = AccountEvent.Kind.REOPENED if user.is_active else AccountEvent.Kind.CLOSED
            events.note(user, kind, by=actor)
        if contact := [name for name in CONTACT if name in changed]:
            events.note(user, AccountEvent.Kind.CONTACT, by=actor, detail=", ".join(contact))
        events.note_rights(user, form.labels_before, roles.labels_of(user), by=actor)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Make a link with which its owner sets the password: nobody sets it for them."""
        user = self.get_object(request, unquote(id))
        if user is None:
            raise Http404
        if not self._may_link(request, user):
            if request.method == "POST":
                self._refuse(request, user, "password")
            raise PermissionDenied
        if request.method == "POST" and (page := again.unless_proven(request)):
            return page
        link = ""
        if request.method == "POST":
            link = invitations.new_link(user, by=signed_in_user(request))
            self.log_change(request, user, gettext("Made a link to set a password."))
        title = gettext("Link to set a password")
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        context.update(original=user, link=link)
        return TemplateResponse(request, "admin/accounts/invitation.html", context)

    def _may_link(self, request: HttpRequest, user: User) -> bool:
        may = self.has_change_permission(request, user)
        return may and roles.may_link(signed_in_user(request), user)

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
    """Groups, which other staff may be changing at the same time. Only superusers change roles."""

    filter_horizontal = ()
    media = forms.Media()  # ticks run no script

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        kwargs.update(form_class=PermissionsField, widget=PermissionTicks)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return signed_in_user(request).is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return signed_in_user(request).is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return signed_in_user(request).is_superuser

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        form.permissions_before = set(form.instance.permissions.all()) if change else set()
        return super().save_form(request, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Write to each member's events that the group gives more rights."""
        super().save_related(request, form, formsets, change)
        group, actor = form.instance, signed_in_user(request)
        given = set(group.permissions.all()) - form.permissions_before
        for user in group.user_set.all() if given else ():
            detail = f"{group.name}: +" + ", +".join(sorted(row.codename for row in given))
            events.note(user, AccountEvent.Kind.RIGHTS_GIVEN, by=actor, detail=detail)


@admin.register(AccountEvent)
class AccountEventAdmin(ByKey, NumberSearch, ReadOnlyAdmin):
    list_display = ["created_at", "kind", "user", "account", "actor", "detail_in_words"]
    fields = ["kind", "user", "account", "actor", "detail_in_words", "created_at", "mail_due_at"]
    readonly_fields = ["detail_in_words"]
    list_filter = ["kind", "created_at"]
    list_prefetch = ("user", "actor")
    search_fields = ["user__mobile", "user__name", "actor__mobile", "actor__name"]
    number_lookups = {"mobile": "user__mobile", "order": "user__orders__number"}

    @admin.display(description=_("detail"), ordering="detail")
    def detail_in_words(self, event: AccountEvent) -> str:
        return event.detail_in_words


@admin.register(AccessEvent)
class AccessEventAdmin(ByKey, NumberSearch, ReadOnlyAdmin):
    list_display = ["last_at", "kind", "user", "number", "address", "reason_in_words", "count"]
    list_filter = ["kind", "last_at"]
    list_prefetch = ("user",)
    search_fields = ["address"]
    number_lookups = {"mobile": "user__mobile"}
    fields = ["kind", "user", "number", "address", "reason_in_words", "count", "first_at", "last_at"]

    @admin.display(description=_("reason"), ordering="reason")
    def reason_in_words(self, event: AccessEvent) -> str:
        return str(access_log.REASONS.get(event.reason, event.reason)) or "-"

    def where(self, kind: str, value: str) -> Q:
        """Find events of numbers without an account, too, whose number is masked."""
        return super().where(kind, value) | Q(user=None, number=masked(value))


admin.site.register(Agreement, AgreementAdmin)
