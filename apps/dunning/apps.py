from django.apps import AppConfig


class DunningConfig(AppConfig):
    name = "apps.dunning"
