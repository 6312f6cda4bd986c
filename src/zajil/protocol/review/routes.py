"""Every call of /mod/v1: the one list that HTTP, the command line, tests and docs go by, with who may call what.

A token of another space is refused on every route, and these tokens on every route of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from zajil.protocol import limits
from zajil.protocol.errors import error
from zajil.protocol.review import api, private, suspensions
from zajil.protocol.review.api import StaffRole
from zajil.protocol.routing import find_parameters, sort_routes

PREFIX: Final = "/mod/v1"
STEP_UP_S: Final = 300
"""How long after the key was asked what needs it stays open."""
_Roles = frozenset[StaffRole]


class ReviewRoute(NamedTuple):
    """One call. path: below /mod/v1, `{name}` a parameter. roles: who may call; None for who has no session yet.

    step_up: the key was asked in the last five minutes. private: the caller has that permission besides.
    limit: bytes of the body. query: names it may have.
    """

    method: str
    path: str
    roles: _Roles | None
    request: type[msgspec.Struct] | None
    answer: type[msgspec.Struct]
    limit: int = 0
    query: frozenset[str] = frozenset()
    step_up: bool = False
    private: bool = False

    def url(self, **parameters: str) -> str:
        """The path with /mod/v1 and its parameters, each one text without slashes. Raises LocalProtocolError."""
        try:
            return PREFIX + self.path.format_map(parameters)
        except KeyError:
            raise error("wrong-call", "route parameter missing") from None


class FoundReviewRoute(NamedTuple):
    """A route and the parameters its path held, still text."""

    route: ReviewRoute
    parameters: Mapping[str, str]


_SMALL: Final = 16 * limits.KIB
_CREDENTIAL: Final = 64 * limits.KIB
_LIST: Final = 2048 * limits.KIB
ALL_ROLES: Final[_Roles] = frozenset({"reviewer", "senior", "policy", "admin", "auditor"})
JUDGES: Final[_Roles] = frozenset({"reviewer", "senior", "admin"})
SENIORS: Final[_Roles] = frozenset({"senior", "admin"})
LIST_KEEPERS: Final[_Roles] = frozenset({"policy", "admin"})
ADMINS: Final[_Roles] = frozenset({"admin"})
_READERS: Final[_Roles] = JUDGES | {"auditor"}

CHALLENGE: Final = ReviewRoute("POST", "/auth/challenge", None, api.NewChallenge, api.Challenge, _SMALL)
ENROL: Final = ReviewRoute("POST", "/auth/enrol", None, api.Enrol, api.StaffSession, _SMALL)
TAKE_TOKEN: Final = ReviewRoute("POST", "/auth/token", None, api.KeyLogin, api.StaffSession, _SMALL)
DROP_TOKEN: Final = ReviewRoute("DELETE", "/auth/token", ALL_ROLES, None, api.Empty)
STEP_UP: Final = ReviewRoute("POST", "/auth/step-up", ALL_ROLES, api.KeyStepUp, api.Me, _SMALL)
REGISTER_OPTIONS: Final = ReviewRoute(
    "POST", "/auth/register/options", None, api.RegisterOptions, api.PasskeyOptions, _SMALL
)
REGISTER_VERIFY: Final = ReviewRoute(
    "POST", "/auth/register/verify", None, api.RegisterKey, api.StaffSession, _CREDENTIAL
)
LOGIN_OPTIONS: Final = ReviewRoute("POST", "/auth/login/options", None, None, api.PasskeyOptions)
LOGIN_VERIFY: Final = ReviewRoute("POST", "/auth/login/verify", None, api.PasskeyLogin, api.StaffSession, _CREDENTIAL)
STEP_UP_OPTIONS: Final = ReviewRoute("POST", "/auth/step-up/options", ALL_ROLES, None, api.PasskeyOptions)
STEP_UP_VERIFY: Final = ReviewRoute("POST", "/auth/step-up/verify", ALL_ROLES, api.PasskeyLogin, api.Me, _CREDENTIAL)
ME: Final = ReviewRoute("GET", "/me", ALL_ROLES, None, api.Me)
STAFF: Final = ReviewRoute("GET", "/staff", ADMINS | {"auditor"}, None, api.Staff)
INVITE: Final = ReviewRoute("POST", "/staff/invites", ADMINS, api.NewInvite, api.Invite, _SMALL, step_up=True)
REVOKE: Final = ReviewRoute("DELETE", "/staff/{staff}", ADMINS, None, api.Empty, step_up=True)
QUEUES: Final = ReviewRoute("GET", "/queues", _READERS, None, api.Queues)
LIST_ITEMS: Final = ReviewRoute(
    "GET", "/queues/{queue}", _READERS, None, api.Items, query=frozenset({"category", "lang", "source"})
)
CLAIM: Final = ReviewRoute("POST", "/queues/{queue}/claim", JUDGES, api.NewClaim, api.Items, _SMALL)
READ_ITEM: Final = ReviewRoute("GET", "/items/{item}", _READERS, None, api.Item)
RELEASE: Final = ReviewRoute("POST", "/items/{item}/release", JUDGES, None, api.Empty)
SKIP: Final = ReviewRoute("POST", "/items/{item}/skip", JUDGES, None, api.Items)
DECIDE: Final = ReviewRoute("POST", "/items/{item}/decide", JUDGES, api.Decide, api.Decided, _SMALL)
UNDO: Final = ReviewRoute("POST", "/items/{item}/undo", JUDGES, None, api.Decided)
READ_CLUSTER: Final = ReviewRoute("GET", "/clusters/{cluster}", _READERS, None, api.Cluster)
DECIDE_CLUSTER: Final = ReviewRoute(
    "POST", "/clusters/{cluster}/decide", JUDGES, api.DecideCluster, api.Decided, _SMALL, step_up=True
)
APPEALS: Final = ReviewRoute("GET", "/appeals", SENIORS | {"auditor"}, None, api.Appeals)
READ_APPEAL: Final = ReviewRoute("GET", "/appeals/{appeal}", SENIORS | {"auditor"}, None, api.Appeal)
CLAIM_APPEAL: Final = ReviewRoute("POST", "/appeals/{appeal}/claim", SENIORS, None, api.AppealBrief)
DECIDE_APPEAL: Final = ReviewRoute(
    "POST", "/appeals/{appeal}/decide", SENIORS, api.DecideAppeal, api.Decided, 64 * limits.KIB
)
PERSONA: Final = ReviewRoute("GET", "/personas/{persona}", _READERS, None, api.Profile)
DECIDE_PERSONA: Final = ReviewRoute(
    "POST", "/personas/{persona}/decide", SENIORS, api.Decide, api.Decided, _SMALL, step_up=True
)
DECIDE_CHANNEL: Final = ReviewRoute(
    "POST", "/channels/{channel}/decide", SENIORS, api.Decide, api.Decided, _SMALL, step_up=True
)
LISTS: Final = ReviewRoute("GET", "/lists", ALL_ROLES, None, api.Lists)
READ_LIST: Final = ReviewRoute("GET", "/lists/{list}", ALL_ROLES, None, api.AddressList)
EDIT_LIST: Final = ReviewRoute("PUT", "/lists/{list}", LIST_KEEPERS, api.EditList, api.AddressList, _LIST, step_up=True)
POLICY: Final = ReviewRoute("GET", "/policy", ALL_ROLES, None, api.PolicyView)
SUSPENSIONS: Final = ReviewRoute("GET", "/suspensions", ALL_ROLES, None, suspensions.Suspensions)
LIFT_SUSPENSION: Final = ReviewRoute(
    method="POST",
    path="/suspensions/lift",
    roles=LIST_KEEPERS,
    request=suspensions.LiftSuspension,
    answer=suspensions.Suspensions,
    limit=_SMALL,
    step_up=True,
)
PRIVATE: Final = ReviewRoute("GET", "/private", JUDGES, None, private.PrivateQueue, private=True)
UNLOCK_PRIVATE: Final = ReviewRoute(
    "POST", "/private/unlock", JUDGES, private.Unlock, api.Empty, _SMALL, step_up=True, private=True
)
LOCK_PRIVATE: Final = ReviewRoute("POST", "/private/lock", JUDGES, None, api.Empty, private=True)
PASSPHRASE: Final = ReviewRoute(
    "POST", "/private/passphrase", JUDGES, private.NewPassphrase, api.Empty, _SMALL, step_up=True, private=True
)
MEASURES: Final = ReviewRoute("GET", "/private/measures", JUDGES, None, private.Measures, step_up=True, private=True)
UNDO_MEASURE: Final = ReviewRoute(
    "POST", "/private/measures/{measure}/undo", JUDGES, None, api.Empty, step_up=True, private=True
)
PROPOSE: Final = ReviewRoute(
    "POST", "/private/{report}/propose", JUDGES, private.ProposeMeasure, api.Empty, _SMALL, step_up=True, private=True
)
CONFIRM: Final = ReviewRoute("POST", "/private/{report}/confirm", JUDGES, None, api.Empty, step_up=True, private=True)
REFUSE: Final = ReviewRoute("POST", "/private/{report}/refuse", JUDGES, None, api.Empty, private=True)
CLAIM_PRIVATE: Final = ReviewRoute("POST", "/private/{report}/claim", JUDGES, None, private.PrivateBrief, private=True)
RELEASE_PRIVATE: Final = ReviewRoute("POST", "/private/{report}/release", JUDGES, None, api.Empty, private=True)
READ_PRIVATE: Final = ReviewRoute(
    "GET", "/private/{report}", JUDGES, None, private.PrivateReport, step_up=True, private=True
)
CLOSE_PRIVATE: Final = ReviewRoute(
    "POST", "/private/{report}/close", JUDGES, private.ClosePrivate, api.Empty, _SMALL, step_up=True, private=True
)

REVIEW_ROUTES: Final = (
    *(CHALLENGE, ENROL, TAKE_TOKEN, DROP_TOKEN, STEP_UP, REGISTER_OPTIONS, REGISTER_VERIFY, LOGIN_OPTIONS),
    *(LOGIN_VERIFY, STEP_UP_OPTIONS, STEP_UP_VERIFY, ME, STAFF, INVITE, REVOKE, QUEUES, LIST_ITEMS, CLAIM, READ_ITEM),
    *(RELEASE, SKIP, DECIDE, UNDO, READ_CLUSTER, DECIDE_CLUSTER, APPEALS, READ_APPEAL, CLAIM_APPEAL, DECIDE_APPEAL),
    *(PERSONA, DECIDE_PERSONA, DECIDE_CHANNEL, LISTS, READ_LIST, EDIT_LIST, POLICY, SUSPENSIONS, LIFT_SUSPENSION),
    *(PRIVATE, UNLOCK_PRIVATE, LOCK_PRIVATE, PASSPHRASE, MEASURES, UNDO_MEASURE),
    *(PROPOSE, CONFIRM, REFUSE),
    *(CLAIM_PRIVATE, RELEASE_PRIVATE, READ_PRIVATE, CLOSE_PRIVATE),
)
_BY_SHAPE: Final = sort_routes(REVIEW_ROUTES)


def is_review_call(target: str) -> bool:
    """Whether a request target, with or without query, is meant for this table."""
    path = target.partition("?")[0]
    return path == PREFIX or path.startswith(PREFIX + "/")


def find_review_route(method: str, path: str) -> FoundReviewRoute | None:
    """The route of a call; path without query. None if there is none."""
    if not path.startswith(PREFIX + "/"):
        return None
    below = path[len(PREFIX) :]
    for route in _BY_SHAPE.get((method, below.count("/")), ()):
        parameters = find_parameters(route.path, below)
        if parameters is not None:
            return FoundReviewRoute(route, parameters)
    return None
