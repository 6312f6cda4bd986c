"""The signed lists of an account, however many answers they take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.client.shell.calls import Calls
from zajil.protocol import control
from zajil.protocol.identity import objects
from zajil.protocol.ids import AccountId, DeviceId, encode_b64
from zajil.protocol.limits import LISTS_PER_ANSWER

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


async def _gather(account: AccountId, ask: Ask) -> list[bytes]:
    lists: list[bytes] = []
    while True:
        answer = await ask(f"?from={len(lists) + 1}")
        lists += [bytes(data) for data in answer.lists]
        if len(answer.lists) < LISTS_PER_ANSWER:
            return lists
        objects.open_chain(lists, account_id=account)
