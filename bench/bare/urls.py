from django.urls import path

from bench.bare.views import bare
from llmfao_site.urls import urlpatterns as site

urlpatterns = [path("bare/<slug:slug>/", bare), *site]
