from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _


class HousesConfig(AppConfig):
    name = "houses"
    verbose_name = _("Houses")

    def ready(self) -> None:
        from houses import heart_draft
        from houses.models import HousePhoto
        from houses.stored_photos import forget_photo

        post_delete.connect(forget_photo, sender=HousePhoto, dispatch_uid="houses.models")
        user_logged_in.connect(heart_draft.take, dispatch_uid="houses.heart_draft")
