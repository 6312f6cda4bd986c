"""POST /accounts with a later list: an account whose devices are all lost is taken up again by its key.

POST /auth/lists tells its lists to whoever proves that key, as the contact token of an old backup may have ended.

No device can log in then. Whoever holds the account key (a recovery key brought it back) signs the list that follows
the newest one, with a new device in it, and that device's login over it. The gate is not asked: the account is there
already. The devices the list leaves out end as with every other list. Source: service.md 2, Recovery key.
A server that came back from a backup is told the same way by a device that it does not know yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import Connection

from zajil.auth import lists, store
from zajil.auth.challenge import SPENT_S, mark_of
from zajil.auth.context import Auth
from zajil.auth.login import check_not_suspended
from zajil.auth.registration import IssuedToken
from zajil.auth.secrets import TOKEN_LIFE_S, digest, new_token
from zajil.engine.nobody import NOBODY
from zajil.engine.sql import answers
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.protocol.identity.objects import DeviceList, Kind, Login, VerifiedList, open_object, parse_object
from zajil.protocol.ids import DeviceId

NO_DEVICE = DeviceId(0)
"""No list has it: a login of it is by the account key."""


def is_later_list(data: bytes) -> bool:
    """Whether this claims to be a list after the first. Raises Malformed for what is no list."""
    return DeviceList.parse(parse_object(data).payload).seq > 1


async def restore(
    auth: Auth, *, device_list: bytes, login: bytes, prefix: bytes, between: Sequence[bytes] = ()
) -> IssuedToken:
    """A token for the new device of an account's next list, or of one further on.

    between: the lists from the next one to the one before `device_list`. All are checked before one of them counts; if
    the server ends in between, those that count are the owner's, and the rest can be brought again. Raises
    bad-signature (also for an account that is not here), stale-list, account-exists (this list stands already: log in),
    bad-challenge, suspended, malformed, slow-down.
    """
    account_id = DeviceList.parse(parse_object(device_list).payload).account_id
    try:
        newest = await lists.newest(auth, account_id)
        if newest is None:
            raise error("bad-signature")
        if newest.object == device_list:
            raise error("account-exists")
        chain = [newest]
        for data in (*between, device_list):
            chain.append(lists.open_next(data, chain[-1]))
        new = chain[-1]
        device_id = _check_login(auth, login, newest, new)
    except Unavailable:
        raise  # nobody failed at anything
    except ZajilError:
        auth.limits.take("failed_token", prefix, now=auth.clock())
        raise
    await check_not_suspended(auth, account_id)
    issued = IssuedToken(new_token(), auth.now() + TOKEN_LIFE_S)
    keep = answers.keeper()

    def also(db: Connection) -> None:
        store.insert_token(db, digest(issued.token), account_id, device_id, expires=issued.expires)
        keep(db, issued.session())

    for before, after in pairwise(chain[:-1]):
        await lists.replace(auth, before, after)
    await lists.replace(auth, chain[-2], new, also=also)
    return issued


async def read_lists(auth: Auth, login: bytes, *, first: int, prefix: bytes) -> list[bytes]:
    """The account's lists from seq `first` on, to whoever signed this login of device 0 with the account key.

    An unknown account, a wrong signature and a bad nonce answer alike (`bad-challenge`) and cost the same work. Whoever
    has the key learns that the account was deleted (`not-allowed`) or why it is `suspended`. Raises slow-down;
    bad-signature or malformed for what is no login at all.
    """
    claimed = Login.parse(parse_object(login).payload)
    newest = await lists.newest(auth, claimed.account_id)
    try:
        open_object(Kind.LOGIN, login, newest.list.account_pub if newest else NOBODY)
        if claimed.server_name != auth.server_name or claimed.device_id != NO_DEVICE:
            raise error("bad-challenge")
        auth.challenges.check(claimed.nonce, claimed.account_id, NO_DEVICE, now_ms=int(auth.clock() * 1000))
        ends = auth.now() + SPENT_S
        if newest is None or not await auth.db.write(lambda db: store.spend(db, mark_of(claimed.nonce), expires=ends)):
            raise error("bad-challenge")
    except Unavailable:
        raise  # nobody failed at anything
    except ZajilError:
        auth.limits.take("failed_token", prefix, now=auth.clock())
        raise error("bad-challenge") from None
    if not newest.list.devices:
        raise error("not-allowed")
    await check_not_suspended(auth, claimed.account_id)
    auth.limits.take("login", claimed.account_id, now=auth.clock())
    return await lists.fetch_lists(auth, claimed.account_id, first=first)


def _check_login(auth: Auth, login: bytes, newest: VerifiedList, new: VerifiedList) -> DeviceId:
    """The device that signed, new in this list: one that is listed already logs in instead."""
    claimed = Login.parse(parse_object(login).payload)
    entry = new.list.find_device(claimed.device_id)
    if entry is None or newest.list.find_device(claimed.device_id) is not None:
        raise error("bad-signature")
    open_object(Kind.LOGIN, login, entry.sig_pub)
    if claimed != Login(auth.server_name, new.hash, new.list.account_id, entry.device_id):
        raise error("bad-challenge")
    return entry.device_id
