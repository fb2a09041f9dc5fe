from django.urls import path

from project import views

urlpatterns = [
    path("login/", views.LoginView.as_view()),
    path("confirm/", views.ConfirmView.as_view()),
    path("profile/", views.ProfileView.as_view()),
    path("profile/activate/", views.ActivateView.as_view()),
    path("profile/invitees/", views.InviteesView.as_view()),
]
