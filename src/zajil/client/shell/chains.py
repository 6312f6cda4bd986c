"""The signed lists of an account, however many answers they take; and those that a restored server lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.client.core.core import Core
from zajil.client.shell.calls import Calls
from zajil.client.state import ownlists
from zajil.client.state.rows import Profile
from zajil.protocol import control
from zajil.protocol.errors import AuthError, Conflict, HomeError, Refused
from zajil.protocol.identity import objects
from zajil.protocol.ids import AccountId, DeviceId, encode_b64
from zajil.protocol.limits import LISTS_BETWEEN, LISTS_PER_ANSWER

_NO_DEVICE = DeviceId(0)

Ask = Callable[[str], Awaitable[control.DeviceLists]]
"""Gets the query of one call."""


async def fetch_chain(calls: Calls, account: AccountId, *, auth: str) -> list[bytes]:
    """All lists of an account, oldest first; the caller verifies the last of them.

    auth: of its device, or its contact token. Raises what `objects.open_chain` raises, where more than one answer comes
    and the ones before are no chain: else a server could go on for ever.
    """

    async def ask(query: str) -> control.DeviceLists:
        return await calls.call(
            control.DEVICE_LISTS, control.DeviceLists, auth=auth, query=query, account=encode_b64(account)
        )

    return await _gather(account, ask)


async def fetch_chain_by_key(
    calls: Calls, account: AccountId, *, server_name: str, account_key: Ed25519PrivateKey
) -> list[bytes]:
    """All lists of an account, as `fetch_chain`, by its key alone.

    Raises AuthError `bad-challenge` where the key is not the account's, Refused `not-allowed` where it was deleted.
    """

    async def ask(query: str) -> control.DeviceLists:
        challenge = control.Challenge(control.B16(account), _NO_DEVICE)
        answer = await calls.call(control.CHALLENGE, control.ChallengeAnswer, request=challenge)
        login = objects.Login(server_name, bytes(answer.nonce), account, _NO_DEVICE).encode()
        signed = control.Login(control.Blob(objects.sign_object(objects.Kind.LOGIN, login, account_key)))
        return await calls.call(control.LISTS_BY_KEY, control.DeviceLists, request=signed, query=query)

    return await _gather(account, ask)


async def bring_lists(core: Core, calls: Calls, *, auth: str) -> None:
    """Put what a restored server lost of our lists, one after the other. auth: of a device that it knows.

    Raises Conflict `stale-list` where another device did so meanwhile.
    """
    with core.look() as step:
        account = AccountId(step.profile.account_id)
    for data in core.lists_lost(await fetch_chain(calls, account, auth=auth)):
        request = control.PutDeviceList(control.Blob(data))
        await calls.call(control.PUT_DEVICE_LIST, control.Empty, request=request, auth=auth)
    core.take_lists_brought()


async def bring_ourselves(core: Core, calls: Calls) -> control.Session | None:
    """Take this device up again at a restored server that does not know it yet, by the lists that it lost.

    None where the server lost none, or this device is on none of them.
    """
    with core.look() as step:
        profile = step.profile
    account = AccountId(profile.account_id)
    key = Ed25519PrivateKey.from_private_bytes(core.keys.account_seed)
    try:
        lists = await fetch_chain_by_key(calls, account, server_name=profile.server_name, account_key=key)
        lost = core.lists_lost(lists)
        with core.look() as step:
            if not lost or len(lost) > LISTS_BETWEEN + 1 or not ownlists.lists_us(step, lost[-1]):
                return None
        login = make_login(profile, core.keys.device_seed, nonce=objects.hash_object(lost[-1]))
        between = tuple(map(control.Blob, lost[:-1]))
        request = control.CreateAccount(control.Blob(lost[-1]), control.Blob(login), between=between)
        return await calls.call(control.CREATE_ACCOUNT, control.Session, request=request)
    except (AuthError, Refused, Conflict, HomeError):
        return None  # no account of ours, or another device was faster, and the next login finds this one


def make_login(profile: Profile, device_seed: bytes, *, nonce: bytes) -> bytes:
    """The signed login object of a device."""
    login = objects.Login(profile.server_name, nonce, AccountId(profile.account_id), DeviceId(profile.device_id))
    key = Ed25519PrivateKey.from_private_bytes(device_seed)
    return objects.sign_object(objects.Kind.LOGIN, login.encode(), key)


async def _gather(account: AccountId, ask: Ask) -> list[bytes]:
    lists: list[bytes] = []
    while True:
        answer = await ask(f"?from={len(lists) + 1}")
        lists += [bytes(data) for data in answer.lists]
        if len(answer.lists) < LISTS_PER_ANSWER:
            return lists
        objects.open_chain(lists, account_id=account)
