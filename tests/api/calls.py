"""Calls of the API as a backend makes them, through the whole of Django."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client


class Backend:
    """A caller with an API key."""

    def __init__(self, key: str | None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.client.get(f"/api/v1{path}", headers={**self.headers, **headers})  # type: ignore[return-value]

    def post(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self.send("POST", path, json.dumps(body).encode(), **headers)

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = "application/json",
        **headers: str,
    ) -> HttpResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(  # type: ignore[return-value]
            method, f"/api/v1{path}", body, content_type=content_type, headers={**self.headers, **given}
        )


def said(response: HttpResponse) -> Any:
    """The JSON of an answer."""
    return json.loads(response.content)


def problem(response: HttpResponse) -> tuple[int, str]:
    """Status and code of a problem document, whose form is checked."""
    assert response["Content-Type"] == "application/problem+json", response.content[:300]
    body = said(response)
    assert body["status"] == response.status_code
    assert body["type"] == f"urn:meterbook:problem:{body['code']}"
    assert body["title"]
    assert body["detail"].endswith(".")
    return response.status_code, body["code"]
