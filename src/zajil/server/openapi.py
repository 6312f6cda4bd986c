"""The control calls as OpenAPI 3.1, made from `control.ROUTES` and the types they name.

`python -m zajil.server.openapi` prints `docs/protocol/openapi.json`. Schemas describe JSON as it travels: bytes are
base64url text without padding.
"""

from __future__ import annotations

import sys
from typing import Any, Final, TypeGuard

import msgspec

from zajil.protocol import control, limits
from zajil.protocol.control import Auth, Blob, Problem, Route

_PARAMETERS: Final[dict[str, tuple[str, int]]] = {
    "account": ("The account's id.", 16),
    "hash": ("SHA-256 of the contact token.", 32),
    "serial": ("Serial of a delivery reference.", 8),
    "addr": ("Random address of one device linking.", 16),
    "id": ("Id of a stored message.", 16),
}
_QUERY: Final[dict[str, tuple[str, int, int]]] = {
    "from": ("Lists with this seq and later.", 1, 9_999_999_999),
    "root": ("Version of the newest root already held; 0 for none.", 0, 9_999_999_999),
    "wait": ("Seconds to wait for an answer that is not there yet.", 0, limits.LINK_WAIT_S),
}
_SCHEMES: Final[dict[str, dict[str, str]]] = {
    "Device": {"type": "http", "scheme": "Device", "description": "A device's session token, base64url."},
    "Contact": {"type": "http", "scheme": "Contact", "description": "A contact token, base64url."},
    "Token": {"type": "http", "scheme": "Token", "description": "A token that opens private bridges, base64url."},
    "Bridge": {"type": "http", "scheme": "Bridge", "description": "A bridge's credential, base64url."},
}
_TEMPLATE: Final = "#/components/schemas/{name}"


def describe() -> dict[str, Any]:  # Any: an OpenAPI document is free-form JSON
    """The document as JSON values."""
    named: set[type[msgspec.Struct]] = {Problem}
    named.update(each for route in control.ROUTES for each in (route.request, route.answer) if _is_struct(each))
    known = sorted(named, key=lambda kind: kind.__name__)
    schemas, components = msgspec.json.schema_components(known, schema_hook=_blob_schema, ref_template=_TEMPLATE)
    references = dict(zip(known, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in control.ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Zajil control calls", "version": "1"},
        "servers": [{"url": control.PREFIX}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": _SCHEMES},
    }


def render() -> str:
    """`docs/protocol/openapi.json`."""
    return msgspec.json.format(msgspec.json.encode(describe()), indent=2).decode() + "\n"


def _operation(route: Route, references: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": _name(route),
        "security": [{kind.value: []} if kind is not Auth.NONE else {} for kind in sorted(route.auth, key=str)],
        "responses": {
            "200": {"description": "Done.", "content": _content(route.answer, references)},
            "default": {
                "description": "Refused (RFC 9457).",
                "content": {control.PROBLEM_TYPE: {"schema": references[Problem]}},
            },
        },
    }
    if route.tagged:
        found["responses"]["304"] = {"description": "The same as If-None-Match names."}
    if parameters := _parameters(route):
        found["parameters"] = parameters
    if route.request is not None:
        found["requestBody"] = {
            "required": True,
            "description": f"At most {route.limit} bytes.",
            "content": _content(route.request, references),
        }
    return found


def _name(route: Route) -> str:
    """The constant's name in `control`, in lower case."""
    return next(name.lower() for name, value in vars(control).items() if value is route)


def _parameters(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETERS[name][0],
            "schema": _text_of(_PARAMETERS[name][1]),
        }
        for name in names
    ]
    query = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": _QUERY[name][0],
            "schema": {"type": "integer", "minimum": _QUERY[name][1], "maximum": _QUERY[name][2]},
        }
        for name in sorted(route.query)
    ]
    return path + query


def _content(kind: Any, references: dict[Any, dict[str, Any]]) -> dict[str, Any]:  # Any: a type of a route
    if kind is bytes:
        return {control.OCTETS_TYPE: {"schema": {"type": "string", "contentMediaType": control.OCTETS_TYPE}}}
    return {control.JSON_TYPE: {"schema": references[kind]}}


def _is_struct(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _blob_schema(kind: type) -> dict[str, Any]:
    if not issubclass(kind, Blob):
        raise NotImplementedError(kind.__name__)
    return _text_of(kind.SIZE)


def _text_of(size: int | None) -> dict[str, Any]:
    """Schema of bytes as base64url text; size: exact number of bytes, None any."""
    schema: dict[str, Any] = {"type": "string", "contentEncoding": "base64url", "pattern": "^[A-Za-z0-9_-]*$"}
    if size is not None:
        characters = -(-size * 4 // 3)
        schema |= {"minLength": characters, "maxLength": characters}
    return schema


if __name__ == "__main__":
    sys.stdout.write(render())
