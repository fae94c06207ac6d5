"""The front door and the health check."""

from django.urls import path

from apps.backoffice import views

urlpatterns = [
    path("", views.front_door, name="front-door"),
    path("healthz", views.healthz, name="healthz"),
]
