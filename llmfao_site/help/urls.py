"""URLs of the documentation, below /help/."""

from django.urls import path

from llmfao_site.help import views

urlpatterns = [
    path("", views.index, name="help"),
    path("<path:name>/", views.page, name="help-page"),
]
