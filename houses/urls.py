from django.urls import path

from houses import views

app_name = "houses"
urlpatterns = [
    path("", views.search, name="search"),
    path("houses/<int:pk>/", views.detail, name="detail"),
    path("houses/<int:pk>/quote/", views.quote, name="quote"),
    path("houses/<int:pk>/photos/", views.photos, name="photos"),
]
