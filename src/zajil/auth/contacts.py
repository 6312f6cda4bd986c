"""Contact tokens: whoever holds one may fetch an account's device lists and claim its key packages, without an account.

A `profile` token goes to contacts inside end-to-end encrypted profiles; there is one, and it is replaced after a block.
`invite` tokens stand in contact links and have a number of uses and an end. One use is one claim; lists are free.
A token counts for the account that put it, as links name both: whoever was given one and puts it as their own, first
at a server that came back from a backup too, takes nobody's place.
Unknown account, withdrawn token and no consent answer alike: `not-allowed`.
"""

from __future__ import annotations

from sqlalchemy import Connection

from zajil.auth import store
from zajil.auth.context import Auth, CallingDevice
from zajil.auth.secrets import digest
from zajil.protocol.contacts.wire import OwnContactToken, OwnContactTokens
from zajil.protocol.errors import error
from zajil.protocol.ids import B32, AccountId
from zajil.protocol.limits import OWN_LINKS

USES_MAX = 100
LIFE_MAX_S = 400 * 86_400
_NEVER = 1 << 62
_WAIT_MAX_MS = (1 << 32) - 1


async def put_contact_token(
    auth: Auth, caller: CallingDevice, *, token_hash: bytes, kind: str, uses: int, expires: int
) -> None:
    """Admit the holders of a token. Raises malformed, links-full (so many admit somebody already).

    kind: `profile` (uses and expires 0: it ends when replaced) or `invite` (uses 1..100, expires Unix seconds). An
    `invite` token that is here, as where a device brings it to a server that came back from a backup, has the fewer
    uses of both; with uses 0 it admits nobody, also where it was not here, and stays so until its end, or until it is
    the first to end of more than `OWN_LINKS`.
    """
    now, mine = auth.now(), caller.account_id
    if kind == "profile" and (uses, expires) == (0, 0):
        await auth.db.write(lambda db: store.put_profile_token(db, token_hash, mine, expires=_NEVER))
        return
    if kind != "invite" or not 0 <= uses <= USES_MAX or not now < expires <= now + LIFE_MAX_S:
        raise error("malformed", "contact token out of range")

    def write(db: Connection) -> int | None:
        if store.lower_link_token(db, token_hash, mine, uses=uses, expires=expires):
            return None
        room_at = store.make_room_for_link(db, mine, most=OWN_LINKS, now=now)
        if room_at is None:
            store.insert_link_token(db, token_hash, mine, uses=uses, expires=expires)
        return room_at

    room_at = await auth.db.write(write)
    if room_at is not None:
        raise error("links-full", retry_ms=min((room_at - now) * 1000, _WAIT_MAX_MS))


async def delete_contact_token(auth: Auth, caller: CallingDevice, *, token_hash: bytes) -> None:
    """Withdraw one of the caller's tokens. Others' tokens and unknown ones are left alone, with the same answer."""
    await auth.db.write(lambda db: store.delete_contact_token(db, token_hash, caller.account_id))


async def own_contact_tokens(auth: Auth, caller: CallingDevice) -> OwnContactTokens:
    """The tokens in the caller's links that still admit somebody."""
    now = auth.now()
    found = await auth.db.read(lambda db: store.contact_tokens_of(db, caller.account_id, now=now))
    return OwnContactTokens(tuple(OwnContactToken(B32(one), uses, end) for one, uses, end in found))


async def check_contact_token(auth: Auth, token: bytes, account_id: AccountId) -> None:
    """The token admits its holder to this account; spends nothing. Raises Refused `not-allowed`."""
    now = auth.now()
    if not await auth.db.read(lambda db: store.has_contact_token(db, digest(token), account_id, now=now)):
        raise error("not-allowed")


def spend_contact_token(auth: Auth, db: Connection, token: bytes, account_id: AccountId) -> None:
    """Take one use of the token, inside the caller's transaction. Raises Refused `not-allowed`."""
    if not store.spend_contact_token(db, digest(token), account_id, now=auth.now()):
        raise error("not-allowed")
