"""URL configuration of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.cache import cache_control
from django.views.i18n import set_language
from django.views.static import serve

from ihome_site import views
from ihome_site.metrics import metrics
from orders.closing_page import CloseAccount
from orders.views import book

handler400 = "ihome_site.views.bad_request"
handler404 = "ihome_site.views.not_found"

urlpatterns = [
    # First, because each pattern is tried in turn, and these are asked for most.
    path("orders/", include("orders.urls")),
    path("payments/", include("payments.urls")),
    path("", include("houses.urls")),
    path("", include("documents.urls")),
    path("houses/<int:pk>/book/", book, name="book"),
    path("accounts/me/close/", CloseAccount.as_view(), name="close_account"),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("i18n/setlang/", set_language, name="set_language"),
    path("livez", views.livez, name="livez"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]

if settings.DEBUG or settings.REHEARSAL:
    # In production, the reverse proxy serves media. Cacheable for good: a new photo gets a new file name.
    photos = cache_control(public=True, max_age=365 * 24 * 3600, immutable=True)(serve)
    urlpatterns += [re_path(r"^media/(?P<path>.{1,200})$", photos, {"document_root": settings.MEDIA_ROOT})]
