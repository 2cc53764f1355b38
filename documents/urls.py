from django.urls import path

from documents import views
from documents.models import Kind

app_name = "documents"
urlpatterns = [
    *(path(f"{kind.value}/", views.document, {"kind": kind}, name=kind.value) for kind in Kind),
    *(
        path(f"{kind.value}/<int:version>/", views.document, {"kind": kind}, name=f"{kind.value}_version")
        for kind in Kind
    ),
]
