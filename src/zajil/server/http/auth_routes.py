"""The routes of the Authentication Service, bound to its verbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from zajil.auth import contacts, linking, lists, login, registration
from zajil.auth.context import Auth, CallingDevice
from zajil.auth.names import usernames
from zajil.auth.recovery import backups, restoring
from zajil.protocol import control
from zajil.protocol.backups.wire import DeleteBackup, StoredBackup
from zajil.protocol.control import Blob, Empty, Route
from zajil.protocol.errors import error
from zajil.protocol.identity.recovery import LOCATOR_BYTES
from zajil.protocol.ids import AccountId, DeviceId, parse_b64
from zajil.protocol.limits import LINK_WAIT_S
from zajil.server.http.calls import BoundRoute, Request

T = TypeVar("T")


def body_of(request: Request, kind: type[T]) -> T:
    """The parsed body. The dispatcher parsed it by the route's own type, so another one is a bug here."""
    if not isinstance(request.body, kind):
        raise error("wrong-call")
    return request.body


def device_of(request: Request) -> CallingDevice:
    """The proven device of a route that only devices may call."""
    if request.device is None:
        raise error("wrong-call")
    return request.device


def first_of(request: Request) -> int:
    """The seq of the first list that is asked for. Raises Malformed."""
    first = request.query.get("from", "1")
    if not (first.isascii() and first.isdigit() and len(first) <= 10):
        raise error("malformed", "from")
    return int(first)


def bind_auth(auth: Auth) -> Mapping[Route, BoundRoute]:
    """Every route of accounts, logins, lists, contact tokens, linking and backups."""
    bound = _Routes(auth)
    return {
        control.CREATE_ACCOUNT: bound.create_account,
        control.CHALLENGE: bound.challenge,
        control.TAKE_TOKEN: bound.take_token,
        control.DROP_TOKEN: bound.drop_token,
        control.DEVICE_LISTS: bound.device_lists,
        control.LISTS_BY_KEY: bound.lists_by_key,
        control.PUT_DEVICE_LIST: bound.put_device_list,
        control.CONTACT_TOKENS: bound.contact_tokens,
        control.PUT_CONTACT_TOKEN: bound.put_contact_token,
        control.DROP_CONTACT_TOKEN: bound.drop_contact_token,
        control.USERNAME: bound.username,
        control.PUT_USERNAME: bound.put_username,
        control.DROP_USERNAME: bound.drop_username,
        control.PUT_LINK_OFFER: bound.put_link_offer,
        control.LINK_OFFER: bound.link_offer,
        control.PUT_LINK_ANSWER: bound.put_link_answer,
        control.LINK_ANSWER: bound.link_answer,
        control.PUT_BACKUP: bound.put_backup,
        control.BACKUP: bound.backup,
        control.DELETE_BACKUP: bound.delete_backup,
    }


class _Routes:
    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def create_account(self, request: Request) -> msgspec.Struct:
        body = body_of(request, control.CreateAccount)
        if restoring.is_later_list(body.device_list):
            issued = await restoring.restore(
                self._auth,
                device_list=body.device_list,
                login=body.login,
                prefix=request.peer.prefix,
                between=body.between,
            )
            return issued.session()
        peer = request.peer
        gate = registration.Newcomer(
            invite=body.gate.invite, work=body.gate.altcha, prefix=peer.prefix, bridge=peer.bridge
        )
        issued = await registration.register(self._auth, gate, device_list=body.device_list, login=body.login)
        return issued.session()

    async def challenge(self, request: Request) -> msgspec.Struct:
        body = body_of(request, control.Challenge)
        nonce = login.challenge(self._auth, account_id=AccountId(body.account_id), device_id=DeviceId(body.device_id))
        return control.ChallengeAnswer(control.B32(nonce))

    async def take_token(self, request: Request) -> msgspec.Struct:
        body = body_of(request, control.Login)
        issued = await login.log_in(self._auth, body.login, prefix=request.peer.prefix)
        return issued.session()

    async def drop_token(self, request: Request) -> msgspec.Struct:
        await login.log_out(self._auth, request.token or b"")
        return Empty()

    async def device_lists(self, request: Request) -> msgspec.Struct:
        account_id = AccountId(parse_b64(request.parameters["account"], size=16))
        first = first_of(request)
        if request.contact is not None:
            await contacts.check_contact_token(self._auth, request.contact, account_id)
        elif device_of(request).account_id != account_id:
            raise error("not-allowed")
        found = await lists.fetch_lists(self._auth, account_id, first=first)
        return control.DeviceLists(tuple(map(Blob, found)))

    async def lists_by_key(self, request: Request) -> msgspec.Struct:
        first, body = first_of(request), body_of(request, control.Login)
        found = await restoring.read_lists(self._auth, body.login, first=first, prefix=request.peer.prefix)
        return control.DeviceLists(tuple(map(Blob, found)))

    async def put_device_list(self, request: Request) -> msgspec.Struct:
        body = body_of(request, control.PutDeviceList)
        await lists.put_list(self._auth, device_of(request), body.list)
        return Empty()

    async def contact_tokens(self, request: Request) -> msgspec.Struct:
        return await contacts.own_contact_tokens(self._auth, device_of(request))

    async def put_contact_token(self, request: Request) -> msgspec.Struct:
        body = body_of(request, control.PutContactToken)
        await contacts.put_contact_token(
            self._auth,
            device_of(request),
            token_hash=parse_b64(request.parameters["hash"], size=32),
            kind=body.kind,
            uses=body.uses,
            expires=body.expires,
        )
        return Empty()

    async def drop_contact_token(self, request: Request) -> msgspec.Struct:
        token_hash = parse_b64(request.parameters["hash"], size=32)
        await contacts.delete_contact_token(self._auth, device_of(request), token_hash=token_hash)
        return Empty()

    async def username(self, request: Request) -> msgspec.Struct:
        key = parse_b64(request.parameters["username"], size=32)
        return await usernames.find_username(self._auth, device_of(request), key)

    async def put_username(self, request: Request) -> msgspec.Struct:
        key = parse_b64(request.parameters["username"], size=32)
        await usernames.take_username(self._auth, device_of(request), key)
        return Empty()

    async def drop_username(self, request: Request) -> msgspec.Struct:
        key = parse_b64(request.parameters["username"], size=32)
        await usernames.release_username(self._auth, device_of(request), key)
        return Empty()

    async def put_link_offer(self, request: Request) -> msgspec.Struct:
        self._take_link(request)
        await linking.put_offer(self._auth, _addr(request), body_of(request, bytes))
        return Empty()

    async def link_offer(self, request: Request) -> bytes:
        return await linking.fetch_offer(self._auth, _addr(request))

    async def put_link_answer(self, request: Request) -> msgspec.Struct:
        self._take_link(request)
        await linking.put_answer(self._auth, _addr(request), body_of(request, bytes))
        return Empty()

    async def link_answer(self, request: Request) -> bytes:
        wait = request.query.get("wait", "0")
        if not (wait.isascii() and wait.isdigit() and len(wait) <= 2 and int(wait) <= LINK_WAIT_S):
            raise error("malformed", "wait")
        return await linking.take_answer(self._auth, _addr(request), wait_s=int(wait))

    async def put_backup(self, request: Request) -> msgspec.Struct:
        body = body_of(request, StoredBackup)
        await backups.put_backup(self._auth, _locator(request), body, prefix=request.peer.prefix)
        return Empty()

    async def backup(self, request: Request) -> msgspec.Struct:
        return await backups.fetch_backup(self._auth, _locator(request), prefix=request.peer.prefix)

    async def delete_backup(self, request: Request) -> msgspec.Struct:
        body = body_of(request, DeleteBackup)
        await backups.delete_backup(self._auth, _locator(request), body, prefix=request.peer.prefix)
        return Empty()

    def _take_link(self, request: Request) -> None:
        self._auth.limits.take("link_put", request.peer.prefix, now=self._auth.clock())


def _addr(request: Request) -> bytes:
    return parse_b64(request.parameters["addr"], size=16)


def _locator(request: Request) -> bytes:
    return parse_b64(request.parameters["locator"], size=LOCATOR_BYTES)
