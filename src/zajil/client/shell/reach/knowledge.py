"""What a device knows of its server's ways: the verified root and list, private bridges, kept in its store.

Whatever does not verify leaves what is held as it was. Everything kept was verified when it came, and is verified again
when it is loaded, the first root apart: it rests sealed in our own store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from zajil.client.state.reach import ReachState
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.reach import dsse, signed
from zajil.protocol.reach.endpoints import (
    Endpoint,
    EndpointKind,
    PrivateBridges,
    encode_private_bridges,
    parse_private_bridges,
)
from zajil.protocol.reach.seal import SessionKey
from zajil.protocol.reach.signed import EndpointList, Root

Keep = Callable[[Callable[[ReachState], ReachState]], ReachState]
"""Applies a change to what is stored now, in one transaction; another process of the home may have changed it."""
HOME_FRONT = "home-front"
BUNDLES = 8
"""Most bundles of private bridges held; the oldest goes."""


class Knowledge:
    """What the dials of a device trust (`dialing.Trust`), and where its candidates come from."""

    def __init__(
        self, home: Endpoint, state: ReachState, *, http: bool, now_s: Callable[[], float], keep: Keep
    ) -> None:
        """home: the address of the profile. http: it is spoken to without TLS, on a laptop."""
        self._home = home
        self._http = http
        self._machine_now_s = now_s
        self._keep = keep
        self.state = state
        self.root: Root | None = None
        self.list: EndpointList | None = None
        try:
            if state.root:
                self.root = signed.step_root(None, state.root)
            if self.root is not None and state.endpoints:
                self.list = signed.check_list(self.root, state.endpoints, None, now_s=self._now_s())
        except ZajilError:
            pass  # fetched again

    def _now_s(self) -> float:
        """Unix seconds by the server's clock, as far as it told."""
        return self._machine_now_s() + self.state.clock_offset_ms / 1000

    def keep(self, **fields: object) -> None:
        """Change some fields of what is kept."""
        self.state = self._keep(lambda state: msgspec.structs.replace(state, **fields))

    def home(self) -> Endpoint:
        """The address of the profile: a front, under another id, where the root says that TLS ends elsewhere there."""
        if self.is_plain(self._home):
            return self._home
        return replace(self._home, id=HOME_FRONT, kind=EndpointKind.FRONT)

    # -- as Trust
    def is_plain(self, endpoint: Endpoint) -> bool:
        """TLS ends at the origin where the root says so; before any root, at the address the person gave."""
        if endpoint.token is not None:
            return False
        if self.root is None or (self._http and endpoint.id == self._home.id):
            return (endpoint.host, endpoint.port) == (self._home.host, self._home.port)
        return signed.is_origin(self.root, endpoint)

    def session_key(self) -> SessionKey | None:
        """As `Trust.session_key`."""
        return None if self.root is None else self.root.session_key(self._now_s())

    def take_roots(self, envelopes: Sequence[bytes]) -> None:
        """As `Trust.take_roots`: a bridge handed them out, so the first must be the one that is pinned.

        The link by which the account was made pins it. A later one does not: whoever had it pasted would be our server.
        """
        if self.root is None and not self.state.pin:
            raise error("not-this-server", "nothing pins a root")
        self.take_own_roots(envelopes)

    def take_own_roots(self, envelopes: Sequence[bytes]) -> None:
        """As `take_roots`, out of the server's own answer to a call: the first is trusted where nothing pins one.

        Nothing can be sealed before there is a root, so TLS to the profile's address brought a first answer.
        """
        pinned = self.state.pin or None
        root = signed.follow_roots(self.root, envelopes, pinned_hash=pinned, now_s=self._now_s())
        if self.root is not None and root.hash == self.root.hash:
            return
        self.root = root
        self.keep(root=next(item for item in envelopes if _root_hash(item) == root.hash))

    # -- documents
    @property
    def root_version(self) -> int:
        """Version of the root held, 0 for none."""
        return 0 if self.root is None else self.root.version

    def take_list(self, envelope: bytes) -> None:
        """A list, under the root held. Raises HomeError."""
        if self.root is None:
            return
        self.list = signed.check_list(self.root, envelope, self.list, now_s=self._now_s())
        self.keep(endpoints=envelope)

    def listed(self) -> tuple[Endpoint, ...]:
        """Endpoints of the list held, stale or not."""
        return () if self.list is None else self.list.endpoints

    # -- private bridges
    def private_bundles(self) -> list[PrivateBridges]:
        """All bundles held, the newest last."""
        return [parse_private_bridges(data) for data in self.state.private]

    def add_private(self, bundle: PrivateBridges) -> bool:
        """Hold a bundle, instead of an older one of the same token; False where it is held just so."""
        data = encode_private_bridges(bundle)
        if data in self.state.private:
            return False

        def add(state: ReachState) -> ReachState:
            others = [one for one in state.private if parse_private_bridges(one).token_id != bundle.token_id]
            return msgspec.structs.replace(state, private=(*others, data)[-BUNDLES:])

        self.state = self._keep(add)
        return True

    def remove_private(self) -> None:
        """Forget all private bridges."""
        self.keep(private=())


def _root_hash(envelope: bytes) -> bytes:
    return hashlib.sha256(dsse.parse_envelope(envelope, signed.ROOT_TYPE)[0]).digest()
