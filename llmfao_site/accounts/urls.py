"""URLs of accounts."""

from django.urls import path

from llmfao_site.accounts import views

urlpatterns = [
    path("account/", views.OwnAccount.as_view(), name="account"),
    path("accounts/", views.accounts, name="accounts"),
    path("accounts/<int:number>/link/", views.make_link, name="account-link"),
    path("accounts/<int:number>/cancel/", views.cancel_invitation, name="account-cancel"),
    path("accounts/<int:number>/deactivate/", views.set_active, {"active": False}, name="account-deactivate"),
    path("accounts/<int:number>/reactivate/", views.set_active, {"active": True}, name="account-reactivate"),
    path("choose-password/<str:uidb64>/<str:token>/", views.ChoosePassword.as_view(), name="choose-password"),
]
