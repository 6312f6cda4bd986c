"""The signed lists of an account, however many answers they take."""

from __future__ import annotations

from zajil.client.shell.calls import Calls
from zajil.protocol import control
from zajil.protocol.identity import objects
from zajil.protocol.ids import AccountId, encode_b64
from zajil.protocol.limits import LISTS_PER_ANSWER


async def fetch_chain(calls: Calls, account: AccountId, *, auth: str) -> list[bytes]:
    """All lists of an account, oldest first; the caller verifies the last of them.

    auth: of its device, or its contact token. Raises what `objects.open_chain` raises, where more than one answer comes
    and the ones before are no chain: else a server could go on for ever.
    """
    lists: list[bytes] = []
    while True:
        answer = await calls.call(
            control.DEVICE_LISTS,
            control.DeviceLists,
            auth=auth,
            query=f"?from={len(lists) + 1}",
            account=encode_b64(account),
        )
        lists += [bytes(data) for data in answer.lists]
        if len(answer.lists) < LISTS_PER_ANSWER:
            return lists
        objects.open_chain(lists, account_id=account)
