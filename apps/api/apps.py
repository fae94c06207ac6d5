from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "apps.api"

    def ready(self) -> None:
        # The description learns of the API key when this module is read.
        from apps.api import schema  # noqa: F401, PLC0415
