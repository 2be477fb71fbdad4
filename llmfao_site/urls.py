"""URLs of the site: its own pages, the Django admin, the documentation, the API, and those of all apps."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.i18n import set_language

from llmfao_site import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("language/", set_language, name="language"),
    path("", include("llmfao_site.accounts.urls")),
    path("admin/login/", views.admin_sign_in),
    path("admin/", admin.site.urls),
    path("help/", include("llmfao_site.help.urls")),
    path("api/", include("llmfao_site.api.urls")),
    path("", include("annotation.urls")),
    path("", include("ranking.urls")),
    path("", include("judges.urls")),
]

handler400 = "llmfao_site.api.problems.bad_request"
handler404 = "llmfao_site.api.problems.not_found"
handler500 = "llmfao_site.api.problems.server_error"
