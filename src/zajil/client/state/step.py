"""One step of the core: a transaction together with who we are, and the MLS groups it reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil import mls
from zajil.client.state import rows
from zajil.client.state.rows import Chat, Profile, Session
from zajil.client.storage.keyfile import Keys
from zajil.client.storage.store import Tx
from zajil.client.views import EVENT_KINDS, EventCode
from zajil.protocol import cbor, limits

Authenticate = Callable[["Step"], mls.Authenticate]
# As browsers judge: no chat needs a pre-shared key, so a commit that brings one is refused by all.
POLICY = mls.Policy(max_leaves=limits.GROUP_LEAVES, pq_max_leaves=limits.XWING_LEAVES, resumption_psks=False)


class Signal(NamedTuple):
    """A call signal of another device. ts: Unix ms at which the server took it. epoch: it was sealed in."""

    gid: bytes
    leaf: int
    account: bytes
    device: int
    ts: int
    epoch: int
    fields: Mapping[str, cbor.Value]


class CallEpoch(NamedTuple):
    """A group moved on, or is gone here. epoch: the one it has now. removed: somebody is not in it any more."""

    gid: bytes
    epoch: int
    removed: bool


CallNews: TypeAlias = Signal | CallEpoch


class GroupCache:
    """Parsed groups of this process, each with the row versions it was read or written at.

    Another process of the home may have moved the group on: then the versions differ and the rows are read again.
    """

    def __init__(self) -> None:
        self.groups: dict[bytes, tuple[int, int, mls.Group]] = {}
        self.recovering = False


class Step:
    """What one step may touch. Values written here become durable together, or not at all."""

    def __init__(self, tx: Tx, keys: Keys, cache: GroupCache, authenticate: Authenticate) -> None:
        self.tx = tx
        self.keys = keys
        self._cache = cache
        self._authenticate = authenticate
        self.profile: Profile = rows.load_profile(tx)
        self.calls: list[CallNews] = []
        """What whoever holds a call is told once the step is durable; never stored."""
        self.taken_at = 0
        """Unix ms at which the server took what is being applied, by its word; 0 where nothing of the mailbox is."""

    @property
    def now(self) -> int:
        """Unix milliseconds."""
        return self.tx.now

    def rng(self, n: int) -> bytes:
        """n random bytes."""
        return self.tx.rng(n)

    def env(self) -> mls.Env:
        """The engine's view of this step."""
        return mls.Env(
            authenticate=self._authenticate(self),
            signer=self.sign,
            rng=self.rng,
            now=self.now // 1000,
            policy=POLICY,
        )

    def sign(self, data: bytes) -> bytes:
        """Ed25519 signature of the device key."""
        return Ed25519PrivateKey.from_private_bytes(self.keys.device_seed).sign(data)

    # -- groups
    def find_group(self, gid: bytes) -> mls.Group | None:
        """The group's MLS state, None when we hold none."""
        versions = self.tx.version("mls_epoch", gid), self.tx.version("mls_ratchet", gid)
        if not versions[0]:
            return None
        cached = self._cache.groups.get(gid)
        if cached is not None and cached[:2] == versions:
            return cached[2]
        epoch = self._unseal("mls_epoch", gid)
        ratchet = self._unseal("mls_ratchet", gid)
        if epoch is None or ratchet is None:
            return None
        group = mls.load(mls.Saved(epoch, ratchet))
        self._remember(gid, group)
        return group

    def load_group(self, gid: bytes) -> mls.Group:
        """The MLS state of a group that we hold."""
        group = self.find_group(gid)
        if group is None:
            raise KeyError("group")
        return group

    def save_group(self, gid: bytes, group: mls.Group) -> None:
        """Write the group: the epoch part only where the epoch changed, the ratchet part always."""
        saved = mls.save(group)
        held = self._cache.groups.get(gid)
        same_epoch = (
            held is not None and held[0] == self.tx.version("mls_epoch", gid) and held[2].current is group.current
        )
        if not same_epoch:
            self._seal("mls_epoch", gid, saved.epoch)
        self._seal("mls_ratchet", gid, saved.ratchet)
        self._remember(gid, group)

    def forget_cached(self, gid: bytes) -> None:
        """Read the group from its rows next time."""
        self._cache.groups.pop(gid, None)

    def drop_group(self, gid: bytes) -> None:
        """Forget the MLS state of a group, and its staged commit."""
        for table in ("mls_epoch", "mls_ratchet", "mls_staged"):
            self.tx.delete(table, gid)
        self._cache.groups.pop(gid, None)
        self.note_epoch(gid, removed=True)

    def find_staged(self, gid: bytes) -> mls.Staged | None:
        """Our own commit of this group whose fate is open."""
        data = self._unseal("mls_staged", gid)
        return None if data is None else mls.Staged.load(data)

    def save_staged(self, gid: bytes, staged: mls.Staged) -> None:
        """Keep our own commit until its echo, or the end of its epoch."""
        self._seal("mls_staged", gid, staged.save())

    def drop_staged(self, gid: bytes) -> None:
        """Forget our own commit."""
        self.tx.delete("mls_staged", gid)

    def _seal(self, table: str, gid: bytes, data: bytes) -> None:
        self.tx.put_raw(table, gid, mls.seal(self.keys.store_key, gid, table, data, self.rng))

    def _unseal(self, table: str, gid: bytes) -> bytes | None:
        sealed = self.tx.find_raw(table, gid)
        return None if sealed is None else mls.unseal(self.keys.store_key, gid, table, sealed)

    def _remember(self, gid: bytes, group: mls.Group) -> None:
        """Cache the group now for this step; a rolled back step clears the cache as a whole (see Core)."""
        self._cache.groups[gid] = (self.tx.version("mls_epoch", gid), self.tx.version("mls_ratchet", gid), group)

    # -- rows
    def chat(self, gid: bytes) -> Chat:
        """The chat of a group that exists."""
        return rows.load_chat(self.tx, gid)

    def change_chat(self, gid: bytes, **fields: object) -> Chat:
        """Write some fields of a chat; the new value."""
        return rows.save_chat(self.tx, msgspec.structs.replace(self.chat(gid), **fields))

    def session(self) -> Session:
        """Where we stand with the server."""
        return rows.load_session(self.tx)

    def change_session(self, **fields: object) -> Session:
        """Write some fields of it; the new value."""
        return rows.save_session(self.tx, msgspec.structs.replace(self.session(), **fields))

    def note_recovery(self) -> None:
        """The person decided in this process that this copy of the home is the one to keep."""
        self._cache.recovering = True

    def event(self, code: EventCode, gid: bytes = b"", message_id: bytes = b"", *, account: bytes = b"") -> None:
        """Tell followers, in this process or another, once the step is durable."""
        row = rows.Told(EVENT_KINDS[code], gid, message_id, code, account)
        self.tx.append("event", gid, self.rng(16), rows.encode_row(row))

    def note_epoch(self, gid: bytes, *, removed: bool) -> None:
        """Tell whoever holds a call in this group that its epoch, or we in it, came to an end."""
        chat = rows.find_chat(self.tx, gid)
        if chat is not None:
            self.calls.append(CallEpoch(gid, chat.epoch, removed))

    def wanted_drain(self) -> int:
        """Ask for a drain that begins after now; the number of the HELLO whose DRAINED will answer."""
        session = self.session()
        wanted = session.hellos + 1
        if session.wanted < wanted:
            self.change_session(wanted=wanted)
        return wanted
