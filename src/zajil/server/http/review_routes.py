"""The routes of /mod/v1, bound to the verbs of moderation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from zajil.moderation.appeals import judge
from zajil.moderation.private import desk, measures, unlocking
from zajil.moderation.private.inbox import Inbox
from zajil.moderation.review import items, judging, lists, persons, queues, suspensions, targets
from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.staff import members, sessions
from zajil.protocol.errors import error
from zajil.protocol.review import api, private, routes
from zajil.protocol.review.routes import ReviewRoute
from zajil.protocol.review.suspensions import LiftSuspension
from zajil.server.http.review_dispatch import ReviewBound, ReviewRequest

T = TypeVar("T", bound=msgspec.Struct)


def bind_review(review: Review, reports: Inbox) -> Mapping[ReviewRoute, ReviewBound]:
    """Every route of /mod/v1. reports: from private chats."""
    return {
        **_bind_entry(review),
        **_bind_session(review, reports),
        **_bind_staff(review, reports),
        **_bind_queues(review),
        **_bind_targets(review),
        **_bind_appeals(review),
        **_bind_lists(review),
        **_bind_private(review, reports),
        **_bind_private_key(review, reports),
        **_bind_measures(review, reports),
    }


def _bind_entry(review: Review) -> Mapping[ReviewRoute, ReviewBound]:
    async def challenge(request: ReviewRequest) -> msgspec.Struct:
        return sessions.challenge(review, _body(request, api.NewChallenge))

    async def enrol(request: ReviewRequest) -> msgspec.Struct:
        return await sessions.enrol(review, _body(request, api.Enrol), prefix=request.peer.prefix)

    async def take_token(request: ReviewRequest) -> msgspec.Struct:
        return await sessions.log_in(review, _body(request, api.KeyLogin), prefix=request.peer.prefix)

    async def register_options(request: ReviewRequest) -> msgspec.Struct:
        return await sessions.register_options(review, _body(request, api.RegisterOptions))

    async def register(request: ReviewRequest) -> msgspec.Struct:
        return await sessions.register(review, _body(request, api.RegisterKey), prefix=request.peer.prefix)

    async def login_options(_request: ReviewRequest) -> msgspec.Struct:
        return sessions.login_options(review)

    async def login_verify(request: ReviewRequest) -> msgspec.Struct:
        body = _body(request, api.PasskeyLogin)
        return await sessions.log_in_by_passkey(review, body, prefix=request.peer.prefix)

    return {
        routes.CHALLENGE: challenge,
        routes.ENROL: enrol,
        routes.TAKE_TOKEN: take_token,
        routes.REGISTER_OPTIONS: register_options,
        routes.REGISTER_VERIFY: register,
        routes.LOGIN_OPTIONS: login_options,
        routes.LOGIN_VERIFY: login_verify,
    }


def _bind_session(review: Review, reports: Inbox) -> Mapping[ReviewRoute, ReviewBound]:
    async def drop_token(request: ReviewRequest) -> msgspec.Struct:
        answer = await sessions.log_out(review, _caller(request))
        await unlocking.lock_if_alone(review, reports)
        return answer

    async def step_up(request: ReviewRequest) -> msgspec.Struct:
        return await sessions.step_up(review, _caller(request), _body(request, api.KeyStepUp))

    async def step_up_options(request: ReviewRequest) -> msgspec.Struct:
        return await sessions.step_up_options(review, _caller(request))

    async def step_up_verify(request: ReviewRequest) -> msgspec.Struct:
        return await sessions.step_up_by_passkey(review, _caller(request), _body(request, api.PasskeyLogin))

    async def me(request: ReviewRequest) -> msgspec.Struct:
        return await sessions.read_me(review, _caller(request))

    return {
        routes.DROP_TOKEN: drop_token,
        routes.STEP_UP: step_up,
        routes.STEP_UP_OPTIONS: step_up_options,
        routes.STEP_UP_VERIFY: step_up_verify,
        routes.ME: me,
    }


def _bind_staff(review: Review, reports: Inbox) -> Mapping[ReviewRoute, ReviewBound]:
    async def list_staff(_request: ReviewRequest) -> msgspec.Struct:
        return await members.list_staff(review)

    async def invite(request: ReviewRequest) -> msgspec.Struct:
        return await members.invite(review, _caller(request), _body(request, api.NewInvite))

    async def revoke(request: ReviewRequest) -> msgspec.Struct:
        answer = await members.revoke(review, _caller(request), request.parameters["staff"])
        await unlocking.lock_if_alone(review, reports)
        return answer

    return {routes.STAFF: list_staff, routes.INVITE: invite, routes.REVOKE: revoke}


def _bind_queues(review: Review) -> Mapping[ReviewRoute, ReviewBound]:
    async def list_queues(request: ReviewRequest) -> msgspec.Struct:
        return await queues.list_queues(review, _caller(request))

    async def list_items(request: ReviewRequest) -> msgspec.Struct:
        return await queues.list_items(review, _caller(request), request.parameters["queue"], request.query)

    async def claim(request: ReviewRequest) -> msgspec.Struct:
        body = _body(request, api.NewClaim)
        return await queues.claim(review, _caller(request), request.parameters["queue"], body)

    async def read_item(request: ReviewRequest) -> msgspec.Struct:
        return await items.read_item(review, _caller(request), request.parameters["item"])

    async def release(request: ReviewRequest) -> msgspec.Struct:
        return await queues.release(review, _caller(request), request.parameters["item"])

    async def skip(request: ReviewRequest) -> msgspec.Struct:
        return await queues.skip(review, _caller(request), request.parameters["item"])

    async def decide(request: ReviewRequest) -> msgspec.Struct:
        body = _body(request, api.Decide)
        return await judging.decide_item(review, _caller(request), request.parameters["item"], body)

    async def undo(request: ReviewRequest) -> msgspec.Struct:
        return await judging.undo_item(review, _caller(request), request.parameters["item"])

    return {
        routes.QUEUES: list_queues,
        routes.LIST_ITEMS: list_items,
        routes.CLAIM: claim,
        routes.READ_ITEM: read_item,
        routes.RELEASE: release,
        routes.SKIP: skip,
        routes.DECIDE: decide,
        routes.UNDO: undo,
    }


def _bind_targets(review: Review) -> Mapping[ReviewRoute, ReviewBound]:
    async def read_cluster(request: ReviewRequest) -> msgspec.Struct:
        return await targets.read_cluster(review, _caller(request), request.parameters["cluster"])

    async def decide_cluster(request: ReviewRequest) -> msgspec.Struct:
        body = _body(request, api.DecideCluster)
        return await targets.decide_cluster(review, _caller(request), request.parameters["cluster"], body)

    async def profile(request: ReviewRequest) -> msgspec.Struct:
        return await persons.read_profile(review, request.parameters["persona"])

    async def decide_persona(request: ReviewRequest) -> msgspec.Struct:
        persona, body = request.parameters["persona"], _body(request, api.Decide)
        return await targets.decide_target(review, _caller(request), "persona", persona, body)

    async def decide_channel(request: ReviewRequest) -> msgspec.Struct:
        channel, body = request.parameters["channel"], _body(request, api.Decide)
        return await targets.decide_target(review, _caller(request), "channel", channel, body)

    return {
        routes.READ_CLUSTER: read_cluster,
        routes.DECIDE_CLUSTER: decide_cluster,
        routes.PERSONA: profile,
        routes.DECIDE_PERSONA: decide_persona,
        routes.DECIDE_CHANNEL: decide_channel,
    }


def _bind_appeals(review: Review) -> Mapping[ReviewRoute, ReviewBound]:
    async def list_appeals(request: ReviewRequest) -> msgspec.Struct:
        return await judge.list_appeals(review, _caller(request))

    async def read(request: ReviewRequest) -> msgspec.Struct:
        return await judge.read_appeal(review, _caller(request), request.parameters["appeal"])

    async def claim(request: ReviewRequest) -> msgspec.Struct:
        return await judge.claim_appeal(review, _caller(request), request.parameters["appeal"])

    async def decide(request: ReviewRequest) -> msgspec.Struct:
        body = _body(request, api.DecideAppeal)
        return await judge.decide_appeal(review, _caller(request), request.parameters["appeal"], body)

    return {
        routes.APPEALS: list_appeals,
        routes.READ_APPEAL: read,
        routes.CLAIM_APPEAL: claim,
        routes.DECIDE_APPEAL: decide,
    }


def _bind_lists(review: Review) -> Mapping[ReviewRoute, ReviewBound]:
    async def list_lists(_request: ReviewRequest) -> msgspec.Struct:
        return await lists.list_lists(review)

    async def read_list(request: ReviewRequest) -> msgspec.Struct:
        return await lists.read_list(review, request.parameters["list"])

    async def edit_list(request: ReviewRequest) -> msgspec.Struct:
        return await lists.edit_list(review, _caller(request), request.parameters["list"], _body(request, api.EditList))

    async def policy(_request: ReviewRequest) -> msgspec.Struct:
        return await lists.read_policy(review)

    async def list_suspensions(_request: ReviewRequest) -> msgspec.Struct:
        return await suspensions.list_suspensions(review)

    async def lift_suspension(request: ReviewRequest) -> msgspec.Struct:
        return await suspensions.lift(review, _caller(request), _body(request, LiftSuspension))

    return {
        routes.SUSPENSIONS: list_suspensions,
        routes.LIFT_SUSPENSION: lift_suspension,
        routes.LISTS: list_lists,
        routes.READ_LIST: read_list,
        routes.EDIT_LIST: edit_list,
        routes.POLICY: policy,
    }


def _bind_private(review: Review, reports: Inbox) -> Mapping[ReviewRoute, ReviewBound]:
    async def list_reports(request: ReviewRequest) -> msgspec.Struct:
        return await desk.list_reports(review, reports, _caller(request))

    async def claim(request: ReviewRequest) -> msgspec.Struct:
        return await desk.claim(review, _caller(request), request.parameters["report"])

    async def release(request: ReviewRequest) -> msgspec.Struct:
        return await desk.release(review, _caller(request), request.parameters["report"])

    async def read(request: ReviewRequest) -> msgspec.Struct:
        caller, name = _caller(request), request.parameters["report"]
        found = await desk.read_report(review, reports, caller, name)
        proposed = await measures.find_proposal(review, reports, caller, bytes(found.report_id))
        return msgspec.structs.replace(found, proposed=proposed)

    async def close(request: ReviewRequest) -> msgspec.Struct:
        body = _body(request, private.ClosePrivate)
        return await desk.close(review, reports, _caller(request), request.parameters["report"], body)

    return {
        routes.PRIVATE: list_reports,
        routes.CLAIM_PRIVATE: claim,
        routes.RELEASE_PRIVATE: release,
        routes.READ_PRIVATE: read,
        routes.CLOSE_PRIVATE: close,
    }


def _bind_private_key(review: Review, reports: Inbox) -> Mapping[ReviewRoute, ReviewBound]:
    async def unlock(request: ReviewRequest) -> msgspec.Struct:
        return await unlocking.unlock(review, reports, _caller(request), _body(request, private.Unlock))

    async def lock(_request: ReviewRequest) -> msgspec.Struct:
        return unlocking.lock(reports)

    async def set_passphrase(request: ReviewRequest) -> msgspec.Struct:
        body = _body(request, private.NewPassphrase)
        return await unlocking.set_passphrase(review, reports, _caller(request), body)

    return {
        routes.UNLOCK_PRIVATE: unlock,
        routes.LOCK_PRIVATE: lock,
        routes.PASSPHRASE: set_passphrase,
    }


def _bind_measures(review: Review, reports: Inbox) -> Mapping[ReviewRoute, ReviewBound]:
    async def list_measures(_request: ReviewRequest) -> msgspec.Struct:
        return await measures.list_measures(review, reports)

    async def undo(request: ReviewRequest) -> msgspec.Struct:
        return await measures.undo(review, reports, _caller(request), request.parameters["measure"])

    async def propose(request: ReviewRequest) -> msgspec.Struct:
        body = _body(request, private.ProposeMeasure)
        return await measures.propose(review, reports, _caller(request), request.parameters["report"], body)

    async def confirm(request: ReviewRequest) -> msgspec.Struct:
        return await measures.confirm(review, reports, _caller(request), request.parameters["report"])

    async def refuse(request: ReviewRequest) -> msgspec.Struct:
        return await measures.refuse(review, reports, _caller(request), request.parameters["report"])

    return {
        routes.MEASURES: list_measures,
        routes.UNDO_MEASURE: undo,
        routes.PROPOSE: propose,
        routes.CONFIRM: confirm,
        routes.REFUSE: refuse,
    }


def _body(request: ReviewRequest, kind: type[T]) -> T:
    """The parsed body. The dispatcher parsed it by the route's own type, so another one is a bug here."""
    if not isinstance(request.body, kind):
        raise error("wrong-call")
    return request.body


def _caller(request: ReviewRequest) -> Reviewer:
    """The proven member of a route that only staff may call."""
    if request.reviewer is None:
        raise error("wrong-call")
    return request.reviewer
