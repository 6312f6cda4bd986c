"""The API's description is what the code does: every route, every type, and what real calls answer fits it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.server.people import Person
from tests.server.wire import Http

from zajil.protocol import control
from zajil.protocol.control import Auth
from zajil.protocol.ids import encode_b64
from zajil.protocol.public.routes import PUBLIC_ROUTES
from zajil.protocol.review.routes import REVIEW_ROUTES
from zajil.server import openapi

PROTOCOL = Path(__file__).resolve().parent.parent.parent / "docs" / "protocol"
PAGE = PROTOCOL / "openapi.json"


def test_the_page_is_what_the_code_prints() -> None:
    assert PAGE.read_text(encoding="utf-8") == openapi.render(), "run: python -m zajil.server.openapi > that file"


def test_the_page_of_the_public_space_is_what_the_code_prints() -> None:
    page = (PROTOCOL / "openapi-public.json").read_text(encoding="utf-8")
    assert page == openapi.render(openapi.describe_public()), "run: python -m zajil.server.openapi public > that file"


def test_the_page_of_the_reviewers_is_what_the_code_prints() -> None:
    page = (PROTOCOL / "openapi-review.json").read_text(encoding="utf-8")
    assert page == openapi.render(openapi.describe_review()), "run: python -m zajil.server.openapi review > that file"


def test_every_route_of_reviewers_is_described_with_its_roles_parameters_and_bodies() -> None:
    document = openapi.describe_review()
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.path, route.method.lower()) for route in REVIEW_ROUTES}
    for route in REVIEW_ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["security"] == ([{}] if route.roles is None else [{"Staff": []}])
        assert all(role in operation["description"] for role in route.roles or ())
        assert ("requestBody" in operation) == (route.request is not None)
        parameters = {(each["in"], each["name"]) for each in operation.get("parameters", [])}
        assert {name for place, name in parameters if place == "query"} == set(route.query)


def test_every_public_route_is_described_with_its_callers_parameters_and_bodies() -> None:
    document = openapi.describe_public()
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.path, route.method.lower()) for route in PUBLIC_ROUTES}
    for route in PUBLIC_ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        schemes = {name for each in operation["security"] for name in each or {"": []}}
        assert schemes == {"persona": {"Bearer"}, "nobody": {""}, "anyone": {"", "Bearer"}}[route.caller.value]
        assert ("requestBody" in operation) == (route.request is not None)
        parameters = {(each["in"], each["name"]) for each in operation.get("parameters", [])}
        assert {name for place, name in parameters if place == "query"} == set(route.query)


def test_every_route_is_described_with_its_callers_parameters_and_bodies() -> None:
    document = openapi.describe()
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.path, route.method.lower()) for route in control.ROUTES}
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names) == len(control.ROUTES)
    for route in control.ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert {name for each in operation["security"] for name in each or {"": []}} == {a.value for a in route.auth}
        assert ("requestBody" in operation) == (route.request is not None)
        parameters = {(each["in"], each["name"]) for each in operation.get("parameters", [])}
        assert {name for place, name in parameters if place == "query"} == set(route.query)
        assert {name for place, name in parameters if place == "path"} == {
            part.strip("{}") for part in route.path.split("/") if part.startswith("{")
        }
    assert set(document["components"]["securitySchemes"]) == {kind.value for kind in Auth} - {""}


@pytest.mark.parametrize("document", [openapi.describe(), openapi.describe_public()], ids=["private", "public"])
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    wanted: set[str] = set()

    def walk(value: Any) -> None:  # Any: free-form JSON
        if isinstance(value, dict):
            wanted.update([value["$ref"]] if "$ref" in value else [])
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(document)
    assert wanted
    assert wanted == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


async def test_real_answers_fit_their_description(http: Http) -> None:
    """Fields and kinds of values, without a schema library: names are exact, bytes are text of the length stated."""
    document = openapi.describe()
    schemas = document["components"]["schemas"]

    def check(value: Any, schema: dict[str, Any]) -> None:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
        if "anyOf" in schema:
            kinds = {"null": type(None), "integer": int, "string": str, "number": float}
            assert any(isinstance(value, kinds.get(each.get("type", ""), dict)) for each in schema["anyOf"]), value
        elif schema["type"] == "object":
            properties = schema.get("properties", {})
            assert set(schema.get("required", [])) <= set(value)
            assert "additionalProperties" in schema or set(value) <= set(properties)
            for name in set(value) & set(properties):
                check(value[name], properties[name])
        elif schema["type"] == "array":
            for each in value:
                check(each, schema["items"])
        elif schema["type"] == "string":
            assert isinstance(value, str)
            assert schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**6)
        else:
            assert isinstance(value, {"integer": int, "boolean": bool}[schema["type"]])

    auth = await http.register(person := Person())
    calls: list[tuple[control.Route, msgspec.Struct | None, str | None, dict[str, str]]] = [
        (control.CONFIG, None, None, {}),
        (control.HEALTH, None, None, {}),
        (control.CHALLENGE, control.Challenge(control.B16(person.account_id), 1), None, {}),
        (control.DEVICE_LISTS, None, auth, {"account": encode_b64(person.account_id)}),
        (control.TAKE_REFS, control.TakeRefs(2), auth, {}),
        (control.TAKE_PASSES, control.TakePasses("group", 2), auth, {}),
        (control.TAKE_PASSES, control.TakePasses("invite", 2), auth, {}),
        (control.COUNT_KEY_PACKAGES, None, auth, {}),
        (control.OWN_DATA, None, auth, {}),
        (control.DENY_REF, None, auth, {"serial": encode_b64(os.urandom(8))}),
    ]
    for route, body, who, parameters in calls:
        answer = msgspec.json.decode(await http.call(route, body, auth=who, **parameters))
        operation = document["paths"][route.path][route.method.lower()]
        check(answer, operation["responses"]["200"]["content"]["application/json"]["schema"])
    _, refused, _ = await http.raw("GET", "/v1/keypackages/count")
    check(msgspec.json.decode(refused), {"$ref": "#/components/schemas/Problem"})
