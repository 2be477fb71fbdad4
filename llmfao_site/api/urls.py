"""URLs below /api/: the reference, the schema, the user's token, and the APIs of all apps."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from llmfao_site.api import views

urlpatterns = [
    path("", views.index, name="api"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("token/", views.token, name="api-token"),
    path("token/revoke/", views.revoke, name="api-token-revoke"),
    path("", include("annotation.api.urls")),
    path("", include("ranking.api.urls")),
    path("", include("judges.api.urls")),
]
