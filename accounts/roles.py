"""Roles of staff, and the rights that staff may give to others. docs/staff.md has the table."""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from accounts.models import AccountEvent, User

FRONT_DESK, FINANCE, MANAGER = "前台", "财务", "店长"

_SEES_ORDERS = [
    "orders.view_order",
    "orders.view_orderevent",
    "payments.view_payment",
    "payments.view_refund",
    "orders.view_invoicerequest",
    "orders.view_recovery",
]
_AT_THE_DESK = [
    "orders.add_order",
    "orders.change_order",
    "orders.view_review",
    "orders.change_review",
    "houses.view_house",
    "houses.view_bookednight",
    "houses.add_bookednight",
    "houses.delete_bookednight",
    "houses.view_doublesale",
    "houses.change_doublesale",
]
_WITH_MONEY = [
    "orders.change_invoicerequest",
    "payments.change_payment",
    "payments.change_refund",
    "payments.view_gatewaymessage",
    "payments.change_gatewaymessage",
    "payments.view_billline",
    "payments.change_billline",
]
_OF_REVIEWS = ["orders.hide_review"]
_OF_RECOVERIES = ["orders.change_recovery"]
_WITH_NUMBERS = ["accounts.export_lists", "accounts.see_numbers"]
_OF_HOUSES = [
    f"houses.{verb}_{model}"
    for model in ("area", "facility", "house", "housephoto", "channelcalendar")
    for verb in ("view", "add", "change", "delete")
]
_OF_DOCUMENTS = ["documents.view_version", "documents.add_version", "documents.view_agreement"]
_OF_PEOPLE = [
    "accounts.view_user",
    "accounts.add_user",
    "accounts.change_user",
    "accounts.view_accountevent",
    "accounts.view_accessevent",
    "auth.view_group",
]

NOTES = [
    "orders.view_ordernote",
    "orders.add_ordernote",
    "accounts.view_usernote",
    "accounts.add_usernote",
]

ROLES = {
    FRONT_DESK: [*_SEES_ORDERS, *NOTES, *_AT_THE_DESK],
    FINANCE: [*_SEES_ORDERS, *NOTES, *_WITH_MONEY, *_WITH_NUMBERS],
    MANAGER: sorted(
        {
            *(*_SEES_ORDERS, *NOTES, *_AT_THE_DESK, *_WITH_MONEY, *_WITH_NUMBERS),
            *(*_OF_REVIEWS, *_OF_RECOVERIES, *_OF_HOUSES, *_OF_PEOPLE, *_OF_DOCUMENTS),
        }
    ),
}
"""Permissions of each group when it is made. A superuser may change it afterwards."""


def add_missing(groups: type[Group] = Group, permissions: type[Permission] = Permission) -> None:
    """Make the groups that do not exist. One that does keeps its permissions: a superuser chose them."""
    for name, names in ROLES.items():
        group, is_new = groups._default_manager.get_or_create(name=name)
        if is_new:
            group.permissions.set(permissions._default_manager.filter(_named(names)))


def rights_of(user: User) -> set[str]:
    """All permissions of an account as `app.codename`, also while it is closed."""
    rows = Permission.objects.all()
    if not user.is_superuser:
        rows = rows.filter(Q(user=user) | Q(group__user=user))
    return _names(rows)


def may_change(actor: User, user: User) -> bool:
    """Tell whether `actor` may change an account, apart from the permission to change accounts at all.

    Only superusers change superusers, themselves, and accounts with a right that they lack themselves: to
    reopen such an account would give that right.
    """
    if actor.is_superuser:
        return True
    return user.pk != actor.pk and not user.is_superuser and rights_of(user) <= rights_of(actor)


def may_link(actor: User, user: User) -> bool:
    """Tell whether `actor` may make a link with which the owner of an account sets a password.

    Renters prove who they are by themselves. Staff with a password are helped only by a superuser, and so
    are those whose account was a renter's before: its owner may have closed it, and staff see its orders.
    """
    if not user.is_staff or not user.is_active or user.pk == actor.pk or not may_change(actor, user):
        return False
    return actor.is_superuser or (not user.has_usable_password() and _was_made_by_staff(user))


def _was_made_by_staff(user: User) -> bool:
    """Also if nobody ever signed in with it: accounts from before there were events."""
    own = user.events.filter(kind=AccountEvent.Kind.CLOSED, actor=user)
    made = user.last_login is None or user.events.filter(kind=AccountEvent.Kind.ADDED).exists()
    return made and not own.exists()


def may_remove_factors(actor: User, user: User) -> bool:
    """Tell whether `actor` may remove the second factors of a member of staff who lost them."""
    return actor.is_superuser and user.is_staff and user.pk != actor.pk


def givable_permissions(actor: User) -> QuerySet[Permission]:
    """The permissions that `actor` has, and may therefore give."""
    rows = Permission.objects.all()
    return rows if actor.is_superuser else rows.filter(_named(sorted(rights_of(actor))))


def givable_groups(actor: User) -> QuerySet[Group]:
    """The groups with no permission that `actor` lacks."""
    beyond = Permission.objects.exclude(pk__in=givable_permissions(actor).values("pk"))
    return Group.objects.exclude(permissions__in=beyond)


def labels_of(user: User) -> set[str]:
    """The rights of an account as staff set them: flags, groups, single permissions."""
    flags = {name for name in ("is_staff", "is_superuser") if getattr(user, name)}
    return {*flags, *user.groups.values_list("name", flat=True), *_names(user.user_permissions.all())}


def _names(rows: QuerySet[Permission]) -> set[str]:
    pairs = rows.order_by().values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in pairs}


def _named(names: list[str]) -> Q:
    found = Q(pk__in=[])
    for app, _, codename in (name.partition(".") for name in names):
        found |= Q(content_type__app_label=app, codename=codename)
    return found
