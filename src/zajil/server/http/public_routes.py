"""The routes of the public space, bound to its verbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from zajil.channels import events, members, posts, search, spaces
from zajil.channels.broadcast import Broadcast
from zajil.channels.context import CallingPersona, Channels
from zajil.channels.identity import login, personas
from zajil.protocol.control import B32
from zajil.protocol.errors import error
from zajil.protocol.ids import PersonaId
from zajil.protocol.public import api, routes
from zajil.protocol.public.routes import PublicRoute
from zajil.server.http.public_dispatch import PublicBound, PublicRequest

T = TypeVar("T", bound=msgspec.Struct)


def bind_public_space(space: Channels, broadcast: Broadcast) -> Mapping[PublicRoute, PublicBound]:
    """Every route of /pub/v1 but the stream of events."""
    return {**_bind_identity(space), **_bind_channels(space), **_bind_posts(space), **_bind_reading(space, broadcast)}


def parse_following(request: PublicRequest) -> tuple[list[str], str | None]:
    """Channels to follow (`channel=a,b`) and the cursor of /updates or of a stream."""
    names = request.query.get("channel", "")
    return [name for name in names.split(",") if name], request.query.get("after")


def _bind_identity(space: Channels) -> Mapping[PublicRoute, PublicBound]:
    async def create(request: PublicRequest) -> msgspec.Struct:
        return await personas.create_persona(space, _body(request, api.NewPersona), prefix=request.peer.prefix)

    async def challenge(request: PublicRequest) -> msgspec.Struct:
        persona_id = PersonaId(_body(request, api.PersonaChallenge).persona_id)
        return api.PersonaNonce(B32(login.challenge(space, persona_id)), space.origin)

    async def take_token(request: PublicRequest) -> msgspec.Struct:
        body = _body(request, api.PersonaLogin)
        return await login.log_in(
            space,
            persona_id=PersonaId(body.persona_id),
            nonce=body.nonce,
            signature=body.signature,
            prefix=request.peer.prefix,
        )

    async def drop_token(request: PublicRequest) -> msgspec.Struct:
        await login.log_out(space, request.token or b"")
        return api.Empty()

    async def read(request: PublicRequest) -> msgspec.Struct:
        return await personas.read_persona(space, request.persona, request.parameters["persona"])

    async def edit(request: PublicRequest) -> msgspec.Struct:
        name = _body(request, api.EditPersona).display_name
        return await personas.edit_persona(space, _caller(request), request.parameters["persona"], name)

    async def delete(request: PublicRequest) -> msgspec.Struct:
        await personas.delete_persona(space, _caller(request), request.parameters["persona"])
        return api.Empty()

    return {
        routes.CREATE_PERSONA: create,
        routes.CHALLENGE: challenge,
        routes.TAKE_TOKEN: take_token,
        routes.DROP_TOKEN: drop_token,
        routes.READ_PERSONA: read,
        routes.EDIT_PERSONA: edit,
        routes.DELETE_PERSONA: delete,
    }


def _bind_channels(space: Channels) -> Mapping[PublicRoute, PublicBound]:
    async def create(request: PublicRequest) -> msgspec.Struct:
        return await spaces.create_channel(space, _caller(request), _body(request, api.NewChannel))

    async def read(request: PublicRequest) -> msgspec.Struct:
        return await spaces.read_channel(space, request.persona, request.parameters["channel"])

    async def edit(request: PublicRequest) -> msgspec.Struct:
        body = _body(request, api.EditChannel)
        return await spaces.edit_channel(space, _caller(request), request.parameters["channel"], body)

    async def delete(request: PublicRequest) -> msgspec.Struct:
        await spaces.delete_channel(space, _caller(request), request.parameters["channel"])
        return api.Empty()

    async def put_member(request: PublicRequest) -> msgspec.Struct:
        channel, other = request.parameters["channel"], request.parameters["persona"]
        return await members.put_member(space, _caller(request), channel, other, _body(request, api.PutMember))

    async def drop_member(request: PublicRequest) -> msgspec.Struct:
        channel, other = request.parameters["channel"], request.parameters["persona"]
        await members.drop_member(space, _caller(request), channel, other)
        return api.Empty()

    async def subscribe(request: PublicRequest) -> msgspec.Struct:
        return await members.subscribe(space, _caller(request), request.parameters["channel"])

    async def unsubscribe(request: PublicRequest) -> msgspec.Struct:
        await members.unsubscribe(space, _caller(request), request.parameters["channel"])
        return api.Empty()

    async def subscriptions(request: PublicRequest) -> msgspec.Struct:
        return await members.list_subscriptions(space, _caller(request))

    return {
        routes.CREATE_CHANNEL: create,
        routes.READ_CHANNEL: read,
        routes.EDIT_CHANNEL: edit,
        routes.DELETE_CHANNEL: delete,
        routes.PUT_MEMBER: put_member,
        routes.DROP_MEMBER: drop_member,
        routes.SUBSCRIBE: subscribe,
        routes.UNSUBSCRIBE: unsubscribe,
        routes.SUBSCRIPTIONS: subscriptions,
    }


def _bind_posts(space: Channels) -> Mapping[PublicRoute, PublicBound]:
    async def create(request: PublicRequest) -> msgspec.Struct:
        body = _body(request, api.NewPost)
        return await posts.create_post(space, _caller(request), request.parameters["channel"], body)

    async def comment(request: PublicRequest) -> msgspec.Struct:
        body = _body(request, api.NewPost)
        return await posts.create_comment(space, _caller(request), request.parameters["post"], body)

    async def edit(request: PublicRequest) -> msgspec.Struct:
        body = _body(request, api.EditPost)
        return await posts.edit_post(space, _caller(request), request.parameters["post"], body)

    async def delete(request: PublicRequest) -> msgspec.Struct:
        reason = request.body.reason if isinstance(request.body, api.RemovePost) else None
        await posts.delete_post(space, _caller(request), request.parameters["post"], reason)
        return api.Empty()

    return {
        routes.CREATE_POST: create,
        routes.CREATE_COMMENT: comment,
        routes.EDIT_POST: edit,
        routes.DELETE_POST: delete,
    }


def _bind_reading(space: Channels, broadcast: Broadcast) -> Mapping[PublicRoute, PublicBound]:
    async def list_posts(request: PublicRequest) -> msgspec.Struct:
        channel, before = request.parameters["channel"], request.query.get("before")
        return await posts.list_posts(space, request.persona, channel, before)

    async def list_comments(request: PublicRequest) -> msgspec.Struct:
        post, before = request.parameters["post"], request.query.get("before")
        return await posts.list_comments(space, request.persona, post, before)

    async def read(request: PublicRequest) -> msgspec.Struct:
        return await posts.read_post(space, request.persona, request.parameters["post"])

    async def versions(request: PublicRequest) -> msgspec.Struct:
        return await posts.read_versions(space, request.persona, request.parameters["post"])

    async def find(request: PublicRequest) -> msgspec.Struct:
        query = request.query
        return await search.find_posts(
            space,
            request.persona,
            query.get("q", ""),
            lang=query.get("lang", ""),
            channel=query.get("channel"),
            before=query.get("before"),
        )

    async def updates(request: PublicRequest) -> msgspec.Struct:
        names, after = parse_following(request)
        wait = request.query.get("wait_s", "0")
        if not (wait.isascii() and wait.isdigit() and len(wait) <= 2 and int(wait) <= api.UPDATES_WAIT_S):
            raise error("malformed", "wait_s")
        following = await events.follow(space, request.persona, names, after)
        return await events.fetch_updates(space, broadcast, following, wait_s=int(wait))

    return {
        routes.LIST_POSTS: list_posts,
        routes.LIST_COMMENTS: list_comments,
        routes.READ_POST: read,
        routes.VERSIONS: versions,
        routes.SEARCH: find,
        routes.UPDATES: updates,
    }


def _body(request: PublicRequest, kind: type[T]) -> T:
    """The parsed body. The dispatcher parsed it by the route's own type, so another one is a bug here."""
    if not isinstance(request.body, kind):
        raise error("wrong-call")
    return request.body


def _caller(request: PublicRequest) -> CallingPersona:
    """The proven persona of a route that only personas may call."""
    if request.persona is None:
        raise error("wrong-call")
    return request.persona
