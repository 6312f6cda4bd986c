"""Who is let in: requests whose secret path is proved, by their form and path alone. Everybody else is refused alike.

No body is read here, no address is seen, and nothing of a request counts but its path, method, upgrade and Origin. The
edge asks with `check` before it passes anything on; what it then brings is known by its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import parse_b64
from zajil.protocol.reach.bridgepath import PathBook, ProvedPath

PASS_S: Final = 10.0
"""How long after a check the request itself may take to come."""
_PASSES: Final = 1024
_QUERY: Final = re.compile(r"r=([0-9a-f]{4})", re.ASCII)
_KEY_BYTES: Final = 16
_FROM_KEY: Final = str.maketrans("+/", "-_", "=")


@dataclass(frozen=True, slots=True)
class Knock:
    """What counts of a request. target: path and query. upgrade, key, version: of a WebSocket, "" without."""

    method: str
    target: str
    origin: str | None = None
    upgrade: str = ""
    key: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A proved request. affinity: its `r`, "" without one. posts: it is part of a carrier of POSTs."""

    proof: ProvedPath
    affinity: str
    posts: bool


class Door:
    """The paths, tokens and origins of one bridge."""

    def __init__(self, host: str, folder: str, *, clock: Callable[[], float], has_room: Callable[[], bool]) -> None:
        """host, folder: as configured. clock: Unix seconds. has_room: whether another carrier may begin now."""
        self._clock = clock
        self._has_room = has_room
        self._book = PathBook(host, folder)
        self._origins: frozenset[str] = frozenset()
        self._passes: dict[str, tuple[Admitted, float]] = {}
        self._living: dict[bytes, ProvedPath] = {}
        self._awaited: dict[bytes, float] = {}

    def set_tokens(
        self, tokens: Mapping[bytes, bytes], origins: Iterable[str], *, public: Collection[bytes] = ()
    ) -> None:
        """Tokens by id, and the web origins whose pages may come, in place of those before. New ones need `prepare`.

        public: ids of the tokens that stand in the signed list.
        """
        self._book.set_tokens(tokens, public=public)
        self._origins = frozenset(origins)

    def prepare(self) -> bool:
        """A little of the work ahead of checks, every few seconds; True while it must be called again at once."""
        return self._book.prepare(self._clock())

    def check(self, knock: Knock) -> None:
        """Prove a request before it is brought. Raises Refused `gone`."""
        admitted = self._prove(knock)
        if not admitted.posts:
            self._passes[knock.target] = admitted, self._clock() + PASS_S

    def enter(self, knock: Knock) -> Admitted:
        """A request itself: checked before, or else proved now. Raises Refused `gone`."""
        found = self._passes.pop(knock.target, None) if knock.method == "GET" else None
        if found is not None and found[1] > self._clock():
            return found[0]
        return self._prove(knock)

    def keep(self, proof: ProvedPath) -> None:
        """The carrier of POSTs that this opened lives: its path passes again until `forget`."""
        self._awaited.pop(proof.nonce, None)

    def forget(self, proof: ProvedPath) -> None:
        """That carrier is over."""
        self._living.pop(proof.nonce, None)
        self._awaited.pop(proof.nonce, None)

    def _prove(self, knock: Knock) -> Admitted:
        path, asked, query = knock.target.partition("?")
        r = _QUERY.fullmatch(query)
        posts = knock.method == "POST"
        if asked and r is None:
            raise error("gone", "query")
        if knock.origin is not None and knock.origin not in self._origins:
            raise error("gone", "origin")
        if not posts and not (knock.method == "GET" and _is_socket(knock)):
            raise error("gone", "form")
        self._sweep()
        living = self._living if posts else {}
        proof = self._book.check(path, now_s=self._clock(), living=living)
        if proof is not self._living.get(proof.nonce):
            self._admit(proof, posts=posts)
        return Admitted(proof, r.group(1) if r else "", posts)

    def _admit(self, proof: ProvedPath, *, posts: bool) -> None:
        if not self._has_room() or len(self._passes) + len(self._awaited) >= _PASSES:
            raise error("gone", "no room")
        if posts:
            # The first two POSTs of a carrier are under way at once; either may bring its body first.
            self._living[proof.nonce] = proof
            self._awaited[proof.nonce] = self._clock() + PASS_S

    def _sweep(self) -> None:
        now = self._clock()
        for target in [target for target, each in self._passes.items() if each[1] <= now]:
            del self._passes[target]
        for nonce in [nonce for nonce, until in self._awaited.items() if until <= now]:
            del self._awaited[nonce], self._living[nonce]


def _is_socket(knock: Knock) -> bool:
    """Whether this is an upgrade that cannot fail afterwards, which would show."""
    try:
        parse_b64(knock.key.translate(_FROM_KEY), size=_KEY_BYTES)
    except ZajilError:
        return False
    return knock.upgrade.lower() == "websocket" and knock.version == "13"
