"""Every call of the public space below /pub/v1: the one list that HTTP, sessions, tests and docs go by.

A token of the private space is refused here and the reverse, on every route, whether or not it wants one: what a
person does in one must not be joined to the other by a mix-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

import msgspec

from zajil.protocol import limits
from zajil.protocol.errors import error
from zajil.protocol.public import api, redress
from zajil.protocol.routing import find_parameters, sort_routes

PREFIX: Final = "/pub/v1"
SCHEME: Final = "Bearer"
"""Scheme of the Authorization header here; no route of /v1 knows it."""


class Caller(Enum):
    """Who may call: ANYONE, with a token or without; PERSONA, with one; NOBODY, only without."""

    ANYONE = "anyone"
    PERSONA = "persona"
    NOBODY = "nobody"


class PublicRoute(NamedTuple):
    """One call. path: below /pub/v1, `{name}` a parameter. limit: bytes of the body. query: names it may have.

    optional: the body may be missing. answer: None for the stream of events.
    """

    method: str
    path: str
    caller: Caller
    request: type[msgspec.Struct] | None
    answer: type[msgspec.Struct] | None
    limit: int = 0
    query: frozenset[str] = frozenset()
    optional: bool = False

    def url(self, **parameters: str) -> str:
        """The path with /pub/v1 and its parameters, each one text without slashes. Raises LocalProtocolError."""
        try:
            return PREFIX + self.path.format_map(parameters)
        except KeyError:
            raise error("wrong-call", "route parameter missing") from None


class FoundRoute(NamedTuple):
    """A route and the parameters its path held, still text."""

    route: PublicRoute
    parameters: Mapping[str, str]


_SMALL: Final = 16 * limits.KIB
_TEXT: Final = 128 * limits.KIB
"""8,192 characters, each at most 12 bytes as JSON (a surrogate pair of escapes), and the rest."""
_APPEAL_TEXT: Final = 32 * limits.KIB
_PAGE, _LIVE = frozenset({"before"}), frozenset({"after", "wait_s", "channel"})
_ANYONE, _PERSONA, _NOBODY = Caller.ANYONE, Caller.PERSONA, Caller.NOBODY

CREATE_PERSONA: Final = PublicRoute("POST", "/personas", _NOBODY, api.NewPersona, api.Persona, _SMALL)
CHALLENGE: Final = PublicRoute("POST", "/auth/challenge", _NOBODY, api.PersonaChallenge, api.PersonaNonce, _SMALL)
TAKE_TOKEN: Final = PublicRoute("POST", "/auth/token", _NOBODY, api.PersonaLogin, api.PersonaSession, _SMALL)
DROP_TOKEN: Final = PublicRoute("DELETE", "/auth/token", _PERSONA, None, api.Empty)
READ_PERSONA: Final = PublicRoute("GET", "/personas/{persona}", _ANYONE, None, api.Persona)
EDIT_PERSONA: Final = PublicRoute("PATCH", "/personas/{persona}", _PERSONA, api.EditPersona, api.Persona, _SMALL)
DELETE_PERSONA: Final = PublicRoute("DELETE", "/personas/{persona}", _PERSONA, None, api.Empty)
CREATE_CHANNEL: Final = PublicRoute("POST", "/channels", _PERSONA, api.NewChannel, api.Channel, _SMALL)
READ_CHANNEL: Final = PublicRoute("GET", "/channels/{channel}", _ANYONE, None, api.Channel)
EDIT_CHANNEL: Final = PublicRoute("PATCH", "/channels/{channel}", _PERSONA, api.EditChannel, api.Channel, _SMALL)
DELETE_CHANNEL: Final = PublicRoute("DELETE", "/channels/{channel}", _PERSONA, None, api.Empty)
PUT_MEMBER: Final = PublicRoute(
    "PUT", "/channels/{channel}/members/{persona}", _PERSONA, api.PutMember, api.Member, _SMALL
)
DROP_MEMBER: Final = PublicRoute("DELETE", "/channels/{channel}/members/{persona}", _PERSONA, None, api.Empty)
SUBSCRIBE: Final = PublicRoute("PUT", "/channels/{channel}/subscription", _PERSONA, None, api.Channel)
UNSUBSCRIBE: Final = PublicRoute("DELETE", "/channels/{channel}/subscription", _PERSONA, None, api.Empty)
SUBSCRIPTIONS: Final = PublicRoute("GET", "/subscriptions", _PERSONA, None, api.Subscriptions)
CREATE_POST: Final = PublicRoute("POST", "/channels/{channel}/posts", _PERSONA, api.NewPost, api.Post, _TEXT)
LIST_POSTS: Final = PublicRoute("GET", "/channels/{channel}/posts", _ANYONE, None, api.Posts, query=_PAGE)
READ_POST: Final = PublicRoute("GET", "/posts/{post}", _ANYONE, None, api.Post)
EDIT_POST: Final = PublicRoute("PATCH", "/posts/{post}", _PERSONA, api.EditPost, api.Post, _TEXT)
DELETE_POST: Final = PublicRoute("DELETE", "/posts/{post}", _PERSONA, api.RemovePost, api.Empty, _SMALL, optional=True)
VERSIONS: Final = PublicRoute("GET", "/posts/{post}/versions", _ANYONE, None, api.PostVersions)
LIST_COMMENTS: Final = PublicRoute("GET", "/posts/{post}/comments", _ANYONE, None, api.Posts, query=_PAGE)
CREATE_COMMENT: Final = PublicRoute("POST", "/posts/{post}/comments", _PERSONA, api.NewPost, api.Post, _TEXT)
SEARCH: Final = PublicRoute(
    "GET", "/search", _ANYONE, None, api.Posts, query=frozenset({"q", "lang", "channel", "before"})
)
UPDATES: Final = PublicRoute("GET", "/updates", _ANYONE, None, api.Updates, query=_LIVE)
EVENTS: Final = PublicRoute("GET", "/events", _ANYONE, None, None, query=frozenset({"channel"}))
REPORT: Final = PublicRoute("POST", "/reports", _PERSONA, redress.NewReport, redress.Report, _SMALL)
OWN_REPORTS: Final = PublicRoute("GET", "/me/reports", _PERSONA, None, redress.Reports, query=_PAGE)
NOTICES: Final = PublicRoute("GET", "/me/notices", _PERSONA, None, redress.Notices, query=_PAGE)
READ_DECISION: Final = PublicRoute("GET", "/decisions/{decision}", _PERSONA, None, redress.Notice)
APPEAL: Final = PublicRoute(
    "POST", "/decisions/{decision}/appeals", _PERSONA, redress.NewAppeal, redress.Appeal, _APPEAL_TEXT
)
READ_APPEAL: Final = PublicRoute("GET", "/appeals/{appeal}", _PERSONA, None, redress.Appeal)
STANDING: Final = PublicRoute("GET", "/me/standing", _PERSONA, None, redress.OwnStanding)

REDRESS: Final = (REPORT, OWN_REPORTS, NOTICES, READ_DECISION, APPEAL, READ_APPEAL, STANDING)
"""What only a server that moderates can answer."""
SUSPENDED_TOO: Final = frozenset({NOTICES, READ_DECISION, APPEAL, READ_APPEAL, STANDING, DROP_TOKEN})
"""What a suspended persona may still call: who is told of a decision can read it and appeal."""

PUBLIC_ROUTES: Final = (
    *(CREATE_PERSONA, CHALLENGE, TAKE_TOKEN, DROP_TOKEN, READ_PERSONA, EDIT_PERSONA, DELETE_PERSONA),
    *(CREATE_CHANNEL, READ_CHANNEL, EDIT_CHANNEL, DELETE_CHANNEL, PUT_MEMBER, DROP_MEMBER),
    *(SUBSCRIBE, UNSUBSCRIBE, SUBSCRIPTIONS, CREATE_POST, LIST_POSTS, READ_POST, EDIT_POST, DELETE_POST, VERSIONS),
    *(LIST_COMMENTS, CREATE_COMMENT, SEARCH, UPDATES, EVENTS),
    *REDRESS,
)
_BY_SHAPE: Final = sort_routes(PUBLIC_ROUTES)


def is_public_call(target: str) -> bool:
    """Whether a request target, with or without query, is meant for this table."""
    path = target.partition("?")[0]
    return path == PREFIX or path.startswith(PREFIX + "/")


def find_public_route(method: str, path: str) -> FoundRoute | None:
    """The route of a call; path without query. None if there is none."""
    if not path.startswith(PREFIX + "/"):
        return None
    below = path[len(PREFIX) :]
    for route in _BY_SHAPE.get((method, below.count("/")), ()):
        parameters = find_parameters(route.path, below)
        if parameters is not None:
            return FoundRoute(route, parameters)
    return None
