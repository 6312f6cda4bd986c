"""The calls of both spaces and of reviewers as OpenAPI 3.1, made from the lists of routes and the types they name.

`python -m zajil.server.openapi` prints `docs/protocol/openapi.json`, with `public` as argument
`docs/protocol/openapi-public.json`, with `review` `docs/protocol/openapi-review.json`. Schemas describe JSON as it
travels: bytes are base64url text without padding.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard

import msgspec

from zajil.protocol import control, limits
from zajil.protocol.attachments import ATTACHMENT_BYTES
from zajil.protocol.control import Auth, Blob, Problem, Route
from zajil.protocol.public import api, routes
from zajil.protocol.public.routes import Caller, PublicRoute
from zajil.protocol.review import routes as review_routes
from zajil.protocol.review.routes import ReviewRoute
from zajil.protocol.review.staff import SCHEME as STAFF_SCHEME

_PARAMETERS: Final[dict[str, tuple[str, int]]] = {
    "account": ("The account's id.", 16),
    "hash": ("SHA-256 of the contact token.", 32),
    "serial": ("Serial of a delivery reference.", 8),
    "addr": ("Random address of one device linking.", 16),
    "locator": ("Name of a backup, made of its recovery key.", 16),
    "id": ("Id of a stored message or an attachment.", 16),
    "username": ("Key of a username, see docs/protocol/contacts.md.", 32),
}
_QUERY: Final[dict[str, tuple[str, int, int]]] = {
    "offset": ("How many bytes are stored already.", 0, ATTACHMENT_BYTES),
    "from": ("Lists with this seq and later.", 1, 9_999_999_999),
    "root": ("Version of the newest root already held; 0 for none.", 0, 9_999_999_999),
    "wait": ("Seconds to wait for an answer that is not there yet.", 0, limits.LINK_WAIT_S),
}
_SCHEMES: Final[dict[str, dict[str, str]]] = {
    "Device": {"type": "http", "scheme": "Device", "description": "A device's session token, base64url."},
    "Contact": {"type": "http", "scheme": "Contact", "description": "A contact token, base64url."},
    "Token": {"type": "http", "scheme": "Token", "description": "A token that opens private bridges, base64url."},
    "Bridge": {"type": "http", "scheme": "Bridge", "description": "A bridge's credential, base64url."},
    "Upload": {"type": "http", "scheme": "Upload", "description": "The secret of one upload, base64url."},
}
_PUBLIC_PARAMETERS: Final = {
    "persona": "A persona's id, or `@handle`.",
    "channel": "A channel's id, or `@handle`.",
    "post": "A post's or comment's id.",
    "decision": "A decision's id.",
    "appeal": "An appeal's id.",
}
_REVIEW_PARAMETERS: Final = {
    "staff": "Id of a member of staff.",
    "queue": "`main`, `escalate`, `senior`, `error` or `audit`.",
    "item": "An item's id.",
    "cluster": "A cluster's id.",
    "appeal": "An appeal's id.",
    "persona": "A persona's id.",
    "channel": "A channel's id.",
    "list": "`url`, `host`, `domain`, `phone` or `wallet`.",
    "report": "A private report's id.",
    "measure": "A measure's id.",
}
_REVIEW_QUERY: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "category": ("Only this category.", {"type": "string"}),
    "lang": ("Only this language.", {"type": "string", "enum": ["ar", "en", "ru", "und"]}),
    "source": ("Who asked: users, bots of users, or moderation itself.", {"enum": ["human", "bot", "model"]}),
}
_PUBLIC_QUERY: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "after": ("Cursor behind which to go on; now, without.", {"type": "string"}),
    "before": ("Cursor of the page before.", {"type": "string"}),
    "channel": ("Channels by id or `@handle`, separated by commas; one for a search.", {"type": "string"}),
    "lang": ("Language of the posts.", {"type": "string", "maxLength": 16}),
    "q": ('Words, "phrases" and `begin*`.', {"type": "string", "maxLength": api.QUERY_CHARACTERS}),
    "wait_s": (
        "Seconds to wait for an event.",
        {"type": "integer", "minimum": 0, "maximum": api.UPDATES_WAIT_S},
    ),
}
_EVENT_STREAM: Final = "text/event-stream"
_TEMPLATE: Final = "#/components/schemas/{name}"


def describe() -> dict[str, Any]:  # Any: an OpenAPI document is free-form JSON
    """The document as JSON values."""
    references, components = _schemas([each for route in control.ROUTES for each in (route.request, route.answer)])
    paths: dict[str, dict[str, Any]] = {}
    for route in control.ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, references)
    return _document("Zajil control calls", control.PREFIX, paths, components, _SCHEMES)


def describe_public() -> dict[str, Any]:  # Any: as `describe`
    """The document of the public space as JSON values."""
    kinds = [each for route in routes.PUBLIC_ROUTES for each in (route.request, route.answer)]
    references, components = _schemas([*kinds, api.Event])
    paths: dict[str, dict[str, Any]] = {}
    for route in routes.PUBLIC_ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _public_operation(route, references)
    scheme = {"type": "http", "scheme": "bearer", "description": "A persona's login token, base64url."}
    return _document("Zajil public space", routes.PREFIX, paths, components, {routes.SCHEME: scheme})


def describe_review() -> dict[str, Any]:  # Any: as `describe`
    """The document of the reviewers' calls as JSON values."""
    kinds = [each for route in review_routes.REVIEW_ROUTES for each in (route.request, route.answer)]
    references, components = _schemas(kinds)
    paths: dict[str, dict[str, Any]] = {}
    for route in review_routes.REVIEW_ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _review_operation(route, references)
    scheme = {"type": "http", "scheme": STAFF_SCHEME, "description": "A session token of staff, base64url."}
    return _document("Zajil review", review_routes.PREFIX, paths, components, {STAFF_SCHEME: scheme})


def render(document: dict[str, Any] | None = None) -> str:  # Any: as `describe`
    """`docs/protocol/openapi.json`, or the page of this document."""
    return msgspec.json.format(msgspec.json.encode(document or describe()), indent=2).decode() + "\n"


def _schemas(kinds: Sequence[object]) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """The schema of each struct, by its type, and those that schemas refer to, by name."""
    named: set[type[msgspec.Struct]] = {Problem}
    named.update(each for each in kinds if _is_struct(each))
    known = sorted(named, key=lambda kind: kind.__name__)
    schemas, components = msgspec.json.schema_components(known, schema_hook=_blob_schema, ref_template=_TEMPLATE)
    return dict(zip(known, schemas, strict=True)), components


def _document(
    title: str, prefix: str, paths: dict[str, Any], components: dict[str, Any], schemes: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1"},
        "servers": [{"url": prefix}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": dict(schemes)},
    }


def _public_operation(route: PublicRoute, references: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    security = {Caller.PERSONA: [{routes.SCHEME: []}], Caller.NOBODY: [{}], Caller.ANYONE: [{}, {routes.SCHEME: []}]}
    stream = {_EVENT_STREAM: {"schema": references[api.Event]}}
    content = stream if route.answer is None else _content(route.answer, references)
    found: dict[str, Any] = {
        "operationId": next(name.lower() for name, value in vars(routes).items() if value is route),
        "security": security[route.caller],
        "responses": {"200": {"description": "Done.", "content": content}, "default": _refused(references)},
    }
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    parameters = [_parameter(name, "path", _PUBLIC_PARAMETERS[name], {"type": "string"}) for name in names]
    parameters += [_parameter(name, "query", *_PUBLIC_QUERY[name]) for name in sorted(route.query)]
    if parameters:
        found["parameters"] = parameters
    if route.request is not None:
        found["requestBody"] = {
            "required": not route.optional,
            "description": f"At most {route.limit} bytes.",
            "content": _content(route.request, references),
        }
    return found


def _review_operation(route: ReviewRoute, references: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    roles = "nobody's: it opens a session" if route.roles is None else ", ".join(sorted(route.roles))
    stepped = " The key was asked in the last five minutes." if route.step_up else ""
    found: dict[str, Any] = {
        "operationId": next(name.lower() for name, value in vars(review_routes).items() if value is route),
        "description": f"Roles: {roles}.{stepped}",
        "security": [{}] if route.roles is None else [{STAFF_SCHEME: []}],
        "responses": {
            "200": {"description": "Done.", "content": _content(route.answer, references)},
            "default": _refused(references),
        },
    }
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    parameters = [_parameter(name, "path", _REVIEW_PARAMETERS[name], {"type": "string"}) for name in names]
    parameters += [_parameter(name, "query", *_REVIEW_QUERY[name]) for name in sorted(route.query)]
    if parameters:
        found["parameters"] = [*found.get("parameters", ()), *parameters]
    if route.request is not None:
        found["requestBody"] = {
            "required": True,
            "description": f"At most {route.limit} bytes.",
            "content": _content(route.request, references),
        }
    return found


def _parameter(name: str, place: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "description": description, "schema": schema}


def _refused(references: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    content = {control.PROBLEM_TYPE: {"schema": references[Problem]}}
    return {"description": "Refused (RFC 9457).", "content": content}


def _operation(route: Route, references: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": _name(route),
        "security": [{kind.value: []} if kind is not Auth.NONE else {} for kind in sorted(route.auth, key=str)],
        "responses": {
            "206" if route.ranged else "200": {
                "description": "The range, at most 1 MiB of it." if route.ranged else "Done.",
                "content": _content(route.answer, references),
            },
            "default": _refused(references),
        },
    }
    if route.ranged:
        found["parameters"] = [{"name": "Range", "in": "header", "required": True, "schema": {"type": "string"}}]
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
    path = [_parameter(name, "path", _PARAMETERS[name][0], _text_of(_PARAMETERS[name][1])) for name in names]
    query = [
        _parameter(
            name,
            "query",
            _QUERY[name][0],
            {"type": "integer", "minimum": _QUERY[name][1], "maximum": _QUERY[name][2]},
        )
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


_PAGES: Final = {"public": describe_public, "review": describe_review}

if __name__ == "__main__":
    sys.stdout.write(render(_PAGES[sys.argv[1]]() if sys.argv[1:] else None))
