"""What the OpenAPI description says beyond the views: the API key, and the problem document of every refusal."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

_PROBLEM = {
    "type": "object",
    "description": "Why a call was refused (RFC 9457), and what to do about it.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "example": "urn:meterbook:problem:unknown-customer"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "example": "unknown-customer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "path": {"type": "string", "example": "$.charges[0].price.tiers[1].up_to"},
        "line": {"type": "integer"},
        "column": {"type": "integer"},
        "byte": {"type": "integer"},
    },
}
_ANSWER = {
    "description": "The call was refused.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The key in the Authorization header."""

    target_class = "apps.api.auth.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: mb_..."}


def with_problems(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Add the problem document as the answer of every call that is not plainly done."""
    result["components"]["schemas"]["Problem"] = _PROBLEM
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["default"] = _ANSWER
    return result
