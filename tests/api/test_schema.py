import json

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from apps.api import urls
from tests.api.calls import said

pytestmark = pytest.mark.django_db


def test_the_description_is_valid_openapi_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")


def test_every_call_is_described_with_a_summary_and_its_problems() -> None:
    schema = yaml.safe_load(Client().get("/api/schema/").content)

    calls = [call for path in schema["paths"].values() for call in path.values()]
    served = [
        scope
        for one in urls.urlpatterns
        for scope in getattr(getattr(one.callback, "view_class", None), "scopes", ())
    ]
    assert len(calls) == len(served)
    assert all(call["summary"] and "default" in call["responses"] for call in calls)
    assert all(call["security"] == [{"apiKey": []}] for call in calls)


def test_the_description_comes_as_json_too() -> None:
    answer = Client().get("/api/schema/?format=json")

    assert said(answer)["openapi"].startswith("3.")  # type: ignore[arg-type]
    json.loads(answer.content)


def test_the_reference_page_takes_nothing_from_elsewhere() -> None:
    page = Client().get("/api/docs/")
    script = Client().get("/api/docs/?script=")

    text = page.content.decode() + script.content.decode()
    assert page.status_code == script.status_code == 200
    assert "https://" not in text.replace("https://swagger.io", "")
    assert "script-src 'self';" in page["Content-Security-Policy"] + ";"
    assert "<script>" not in page.content.decode()


def test_the_bare_address_leads_to_the_reference() -> None:
    assert Client().get("/api/").headers["Location"] == "/api/docs/"
