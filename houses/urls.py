from django.urls import path

from houses import favourite_views, views
from houses.channels import feed

app_name = "houses"
urlpatterns = [
    path("", views.search, name="search"),
    path("houses/favourites/", favourite_views.favourite_list, name="favourites"),
    path("houses/<int:pk>/", views.detail, name="detail"),
    path("houses/<int:pk>/favourite/", favourite_views.favourite, name="favourite"),
    path("houses/<int:pk>/calendar/<str:token>.ics", feed.feed, name="feed"),
    path("houses/<int:pk>/quote/", views.quote, name="quote"),
    path("houses/<int:pk>/photos/", views.photos, name="photos"),
]
