"""The signed documents of this server: its root, stepped when what it says changes, and its list, signed anew each day.

The root is 1-of-1: its key lies in `reach.key` on this machine. It is made at the first start and followed, version by
version, by clients ever after; so it changes only with host names, app origins or keys, or well before it expires.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from zajil.bridges.registry import store
from zajil.engine.keys import KeyFileError, Keys
from zajil.engine.reachkeys import FILE_NAME, ReachKeys
from zajil.engine.sql.database import Database
from zajil.protocol.control import B32
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import encode_b64
from zajil.protocol.reach.dsse import sign
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind
from zajil.protocol.reach.signed import (
    B4,
    ENDPOINTS,
    LIST_LIFE_S,
    LIST_TYPE,
    ROOT_LIFE_S,
    ROOT_TYPE,
    Origin,
    OriginSessionKey,
    PublicKey,
    RoleKeys,
    Roles,
    Root,
    RootDocument,
    check_list,
    encode_list,
    encode_root_answer,
    step_root,
)

_DAY_S: Final = 86_400
_RENEW_ROOT_S: Final = 90 * _DAY_S
"""A root is stepped this long before it expires, so that invites with its hash stay good."""
_RENEW_LIST_S: Final = _DAY_S
_FIRST_LIST: Final = 1_700_000_000
"""Unix second from which first lists are numbered: fewer than one a second follow, and 31 bits last until 2091."""
_LOOK_AGAIN_S: Final = 5.0
"""How long a bridge that the operator made public or removed may be missing from the answer."""
_TABLE: Final = "bridge_token"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the settings say this server is. hosts: for the root. endpoints: of the origin and its fronts."""

    hosts: tuple[str, ...]
    app_origins: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]


class Current(NamedTuple):
    """The documents at this moment. roots: envelopes from version 1 on. list: an envelope."""

    root: Root
    roots: tuple[bytes, ...]
    list: bytes


class Documents:
    """Root and list of one server."""

    def __init__(
        self, db: Database, *, keys: Keys, signing: ReachKeys, place: Place, clock: Callable[[], float]
    ) -> None:
        """Make or step the root, and sign the list; synchronous, at the start. clock: Unix seconds.

        Raises KeyFileError when the root was signed by another key.
        """
        self._db = db
        self._keys = keys
        self._signing = signing
        self._place = place
        self._clock = clock
        self._lock = asyncio.Lock()
        self._looked_at = clock()
        self._roots = tuple(db.read_sync(store.roots))
        self._root = self._follow(self._roots)
        self.made = self._root is None
        """Whether this start made the server's first root."""
        self._current = self._adopt(db.write_sync(self._begin))

    async def current(self) -> Current:
        """The documents as they are now, at most some seconds behind the registry."""
        async with self._lock:
            if not 0 <= self._clock() - self._looked_at < _LOOK_AGAIN_S:
                fresh = await self._db.read(self._is_fresh)
                if not fresh:
                    self._current = self._adopt(await self._db.write(self._renew))
                self._looked_at = self._clock()
            return self._current

    def root_answer(self) -> bytes:
        """The answer to ROOT: every root, oldest first."""
        return encode_root_answer(self._current.roots)

    def _follow(self, roots: tuple[bytes, ...]) -> Root | None:
        try:
            root: Root | None = None
            for envelope in roots:
                root = step_root(root, envelope)
        except ZajilError as damage:
            raise KeyFileError("the stored root documents do not follow each other") from damage
        if root is not None and _public(self._signing.root) not in root.document.roles.root.keys:
            raise KeyFileError(f"{FILE_NAME} is not the one that signed this server's root; put back a copy of that")
        return root

    def _is_outdated(self, root: Root) -> bool:
        document = root.document
        return self._root_document(document.version, document.expires) != document

    def _is_old(self, root: Root) -> bool:
        return self._clock() >= root.document.expires - _RENEW_ROOT_S

    def _root_document(self, version: int, expires: int) -> RootDocument:
        keys = tuple(
            OriginSessionKey(B4(key.kid), PublicKey(key.public), not_after=expires) for key in self._signing.sessions
        )
        roles = Roles(*(RoleKeys((_public(key),), 1) for key in (self._signing.root, self._signing.list)))
        origin = Origin(self._place.hosts, keys)
        return RootDocument(version, expires, roles, (origin,), self._place.app_origins)

    def _sign_root(self, before: Root | None) -> tuple[Root, bytes]:
        version = before.version + 1 if before else 1
        document = self._root_document(version, int(self._clock()) + ROOT_LIFE_S)
        envelope = sign(ROOT_TYPE, document.encode(), [self._signing.root])
        return step_root(before, envelope), envelope

    # The list

    def _is_fresh(self, db: Connection) -> bool:
        """Whether root and list given out are the newest, and say what they should.

        Another gateway may have signed newer ones.
        """
        found, root = store.newest_list(db), self._current.root
        is_newest = found is not None and found[1] == self._current.list
        is_newest = is_newest and store.count_roots(db) == len(self._current.roots)
        return is_newest and self._says(self._current.list, root, self._endpoints(db)) and not self._is_old(root)

    def _says(self, envelope: bytes, root: Root, endpoints: tuple[Endpoint, ...]) -> bool:
        """Whether a list says this under this root, and was signed today."""
        now = self._clock()
        try:
            listed = check_list(root, envelope, None, now_s=now)
        except ZajilError:
            return False
        return listed.endpoints == endpoints and 0 <= now - (listed.expires - LIST_LIFE_S) < _RENEW_LIST_S

    def _adopt(self, current: Current) -> Current:
        self._root, self._roots = current.root, current.roots
        return current

    def _begin(self, db: Connection) -> Current:
        """`_renew`, and the root says what the settings say.

        A server that runs leaves that alone: while settings change, gateways with old and new ones would step it in
        turn for ever.
        """
        return self._renew(db, is_start=True)

    def _renew(self, db: Connection, *, is_start: bool = False) -> Current:
        roots = tuple(store.roots(db))
        root = self._root if roots == self._roots else self._follow(roots)
        if root is None or self._is_old(root) or (is_start and self._is_outdated(root)):
            root, envelope = self._sign_root(root)
            store.insert_root(db, root.version, envelope)
            roots = (*roots, envelope)
        endpoints = self._endpoints(db)
        found = store.newest_list(db)
        if found is not None and self._says(found[1], root, endpoints):
            return Current(root, roots, found[1])
        # The first by the clock: what a restore of the server took back had lower numbers, and clients refuse to go
        # back. Later ones not, or a clock that was ahead for a while would number above what comes after a restore.
        version = found[0] + 1 if found else max(1, int(self._clock()) - _FIRST_LIST)
        expires = int(self._clock()) + LIST_LIFE_S
        body = encode_list(endpoints, version=version, expires=expires, root_version=root.version)
        envelope = sign(LIST_TYPE, body, [self._signing.list])
        store.replace_list(db, version, envelope)
        return Current(root, roots, envelope)

    def _endpoints(self, db: Connection) -> tuple[Endpoint, ...]:
        public = (
            Endpoint(
                encode_b64(row.id),
                EndpointKind.BRIDGE,
                row.host,
                row.port,
                row.dir,
                token=self._keys.unseal(_TABLE, token.token, aad=token.id),
            )
            for row, token in store.public_bridges(db)
        )
        return (*self._place.endpoints, *public)[:ENDPOINTS]


def _public(key: Ed25519PrivateKey) -> B32:
    return B32(key.public_key().public_bytes_raw())
