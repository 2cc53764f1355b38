from collections.abc import Iterator
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import event_words
from accounts.browser_names import browser_name
from accounts.mobile import clean_mobile, is_mobile
from accounts.names import is_plain_name, masked_name
from accounts.notes import UserNote as UserNote
from core.changed_columns import SavesChangedColumns
from core.prepared import Select

is_mobile_number = RegexValidator(r"\A1[3-9][0-9]{9}\Z", _("Enter an 11-digit mobile number."))


class UserManager(BaseUserManager["User"]):
    def get(self, *args: Any, **lookups: Any) -> "User":
        """Find by the key with a prepared statement: the session of each page asks for its user so.

        Related managers are subclasses, and have conditions of their own.
        """
        is_by_key = not args and lookups.keys() == {"pk"} and isinstance(lookups["pk"], int)
        if type(self) is not UserManager or not is_by_key:
            return super().get(*args, **lookups)
        user = _BY_KEY.first(**lookups)
        if user is None:
            raise User.DoesNotExist
        return user

    def create_user(
        self, mobile: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> "User":
        """Save and return a user. Without a password they can't sign in."""
        user = self.model(mobile=clean_mobile(mobile), email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_verified(self, mobile: str, email: str, password: str) -> "User":
        """Save and return a user whose number a code has proven. The password is hashed already.

        Raises IntegrityError if the number has an account.
        """
        now = timezone.now()
        return self.create(
            mobile=mobile,
            email=self.normalize_email(email),
            password=password,
            mobile_verified_at=now,
        )

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a user by the number as it was typed: every sign-in does."""
        return self.get(mobile=clean_mobile(username or ""))

    def create_superuser(
        self, mobile: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> "User":
        return self.create_user(mobile, email, password, **{"is_staff": True, "is_superuser": True, **fields})


class User(SavesChangedColumns, AbstractBaseUser, PermissionsMixin):
    """A renter or a member of staff, who signs in with a mobile number."""

    mobile = models.CharField(
        _("mobile number"),
        max_length=11,
        unique=True,
        validators=[is_mobile_number],
        error_messages={"unique": _("This number is already registered.")},
    )
    name = models.CharField(_("full name"), max_length=40, blank=True, validators=[is_plain_name])
    nickname = models.CharField(
        _("nickname"), max_length=20, blank=True, default="", db_default="", validators=[is_plain_name]
    )
    email = models.EmailField(_("email"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("Can sign in to the admin."))
    mobile_verified_at = models.DateTimeField(_("number verified"), null=True, blank=True, editable=False)
    email_verified_at = models.DateTimeField(_("email verified"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(
        _("closed by its owner"), null=True, blank=True, editable=False, help_text=_("Empty if staff did.")
    )
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    factor_changes = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    """Number of times that a second factor was set up or removed; each ends the other sessions."""

    USERNAME_FIELD = "mobile"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [
            ("export_lists", _("Can download lists")),
            ("see_numbers", _("Can see the numbers of the business")),
        ]

    def __str__(self) -> str:
        return self.get_full_name()

    def get_full_name(self) -> str:
        if not self.name and not is_mobile(self.mobile):
            return gettext("Closed account")
        return self.name or f"{self.mobile[:3]}****{self.mobile[-4:]}"

    @property
    def masked_name(self) -> str:
        return masked_name(self.name) or gettext("Guest")

    @property
    def public_name(self) -> str:
        """Name beside reviews, which everybody may read."""
        if not self.is_active:
            return gettext("Closed account")
        return self.nickname or self.masked_name

    def clean_fields(self, exclude: Any = None) -> None:
        """Leave names from before is_plain_name(), and freed numbers, alone until somebody changes them."""
        before: dict[str, object] = self.__dict__.get("_as_read", {})
        kept = {name for name in ("name", "nickname", "mobile") if before.get(name) == getattr(self, name)}
        super().clean_fields({*(exclude or ()), *kept})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A number or an email that is replaced, by whomever, has yet to be proven.

        An account that is reopened no longer counts as closed by its owner.
        """
        before: dict[str, object] = self.__dict__.get("_as_read", {})
        emptied = [f"{name}_verified_at" for name in ("mobile", "email") if self._differs(name, before)]
        if self.is_active and self._differs("is_active", before):
            emptied.append("closed_at")
        for name in emptied:
            setattr(self, name, None)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = [*kwargs["update_fields"], *emptied]
        super().save(*args, **kwargs)

    def _differs(self, name: str, before: dict[str, object]) -> bool:
        return not self._state.adding and before.get(name, getattr(self, name)) != getattr(self, name)

    def check_password(self, raw_password: str | None) -> bool:
        """Tell whether the password is right. Hashes it anew after an upgrade, unless it was changed."""

        def rehash(raw_password: str) -> None:
            hashed = make_password(raw_password)
            if User.objects.filter(pk=self.pk, password=self.password).update(password=hashed):
                self.password = hashed
                self._remember(["password"])

        return check_password(raw_password, self.password, rehash)

    async def acheck_password(self, raw_password: str | None) -> bool:
        return await sync_to_async(self.check_password)(raw_password)

    def get_session_auth_hash(self) -> str:
        """A new password ends the sessions, and so does a change of second factors (factors/store.py)."""
        return self._with_factors(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        return map(self._with_factors, super().get_session_auth_fallback_hash())

    def _with_factors(self, session_hash: str) -> str:
        return f"{session_hash}.{self.factor_changes}" if self.factor_changes else session_hash

    def set_mobile_verified(self) -> None:
        """Note that a code proved that the user holds the number. The first time counts."""
        unverified = User.objects.filter(pk=self.pk, mobile=self.mobile, mobile_verified_at=None)
        unverified.update(mobile_verified_at=timezone.now())

    def get_short_name(self) -> str:
        return self.get_full_name()


_BY_KEY = Select(lambda value: User.objects.filter(pk=value(User, "pk")))


class RecoveryCode(models.Model):
    """Stands in for a second factor that is lost, once. Written by accounts/factors/recovery.py."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"recovery code {self.pk} of account {self.user_id}"


class Passkey(models.Model):
    """A key that a device keeps for this site. Written by accounts/factors/passkeys.py."""

    user = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=40)
    credential_id = models.TextField()
    public_key = models.BinaryField()
    sign_count = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class AccountEvent(models.Model):
    """A step about an account: who gave rights, closed it, made a link. Written by accounts/events.py."""

    class Kind(models.TextChoices):
        ADDED = "ADDED", _("Account added")
        LINKED = "LINKED", _("Link to set a password made")
        PASSWORD_SET = "PASSWORD_SET", _("Password set by its owner")
        RIGHTS_GIVEN = "RIGHTS_GIVEN", _("Rights given")
        RIGHTS_TAKEN = "RIGHTS_TAKEN", _("Rights taken")
        CLOSED = "CLOSED", _("Account closed")
        REOPENED = "REOPENED", _("Account reopened")
        CONTACT = "CONTACT", _("Number or email changed by staff")
        OWN_NUMBER = "OWN_NUMBER", _("Number changed by its owner")
        FACTOR_HELP = "FACTOR_HELP", _("Second factor removed by staff")
        FACTOR_SET = "FACTOR_SET", _("Second factor set up by its owner")
        FACTOR_GONE = "FACTOR_GONE", _("Second factor removed by its owner")
        CODE_USED = "CODE_USED", _("Recovery code used")
        BREAK_GLASS = "BREAK_GLASS", _("Made superuser on the server")
        APPROVED = "APPROVED", _("Refund approved")
        REFUSED = "REFUSED", _("Attempt refused")

    HELP = (Kind.ADDED, Kind.LINKED, Kind.RIGHTS_GIVEN, Kind.REOPENED, Kind.CONTACT, Kind.FACTOR_HELP)
    """After one of these, the actor may be the one who uses the account."""

    kind = models.CharField(_("event"), max_length=12, choices=Kind)
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="events", verbose_name=_("account")
    )
    account = models.BigIntegerField(_("account id"), help_text=_("Kept after the account is deleted."))
    actor = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    detail = models.CharField(_("detail"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("time"), default=timezone.now)
    mail_due_at = models.DateTimeField(
        _("email due at"),
        null=True,
        blank=True,
        help_text=_("Superusers are told by email. Empty once that is done, or not needed."),
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = _("account event")
        verbose_name_plural = _("account events")
        indexes = [
            models.Index(fields=["mail_due_at"], name="account_event_mail_due"),
            models.Index(fields=["created_at"], name="account_event_by_time"),
            models.Index(fields=["actor", "created_at"], name="account_event_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.account}"

    @property
    def detail_in_words(self) -> str:
        return event_words.shown(self.detail)


class BrowserSession(models.Model):
    """A browser that an account was signed in with. Written by accounts/browser_sessions.py."""

    user = models.ForeignKey(User, models.CASCADE, related_name="browser_sessions", verbose_name=_("account"))
    session_key = models.CharField(_("session key"), max_length=40, unique=True)
    user_agent = models.CharField(_("browser"), max_length=200, blank=True)
    network = models.CharField(_("network"), max_length=20, blank=True, help_text=_("Of the address."))
    signed_in_at = models.DateTimeField(_("signed in at"), null=True, blank=True)
    seen_at = models.DateTimeField(_("last seen at"), db_index=True)

    class Meta:
        verbose_name = _("browser session")
        verbose_name_plural = _("browser sessions")

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def browser(self) -> str:
        return browser_name(self.user_agent)


class AccessEvent(models.Model):
    """A sign-in, a wrong password, a code sent or refused. Written by accounts/access_log.py.

    Equal ones within a quarter of an hour are one row with a count, and the number and address are those of
    the first. `key` stands for what is equal.
    """

    class Kind(models.TextChoices):
        SIGNED_IN = "SIGNED_IN", _("Signed in")
        WRONG_PASSWORD = "WRONG_PASSWORD", _("Wrong password")
        PAUSED = "PAUSED", _("Tries paused")
        CODE_SENT = "CODE_SENT", _("Code sent")
        CODE_REFUSED = "CODE_REFUSED", _("Code not sent")
        WRONG_CODE = "WRONG_CODE", _("Wrong code")
        NUMBER_CHANGED = "NUMBER_CHANGED", _("Number changed by its owner")
        EMAIL_CONFIRMED = "EMAIL_CONFIRMED", _("Email confirmed")

    kind = models.CharField(_("event"), max_length=20, choices=Kind)
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="access_events", verbose_name=_("account")
    )
    number = models.CharField(_("number"), max_length=11, blank=True, db_index=True)
    address = models.CharField(_("client address"), max_length=45)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    count = models.PositiveIntegerField(_("times"), default=0)
    first_at = models.DateTimeField(_("first time"), default=timezone.now)
    last_at = models.DateTimeField(_("last time"), default=timezone.now, db_index=True)
    key = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        ordering = ["-last_at", "-id"]
        verbose_name = _("sign-in or code")
        verbose_name_plural = _("sign-ins and codes")
        indexes = [models.Index(fields=["user", "last_at"], name="access_event_by_person")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"
