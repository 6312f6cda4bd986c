"""Every limit of the system in one table, and the token buckets that count them. Buckets live in memory only.

A bucket holds `burst` tokens and gets one back every `every_s` seconds. Keys (accounts, groups, address prefixes) are
kept as keyed hashes under a random key that lives for one day, so a memory dump names nobody of yesterday.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from zajil.protocol.errors import Limited, error

_DAY_S = 86_400
_SWEEP_AT = 50_000


@dataclass(frozen=True)
class Limit:
    """One token bucket: `burst` at once, one back every `every_s` seconds."""

    burst: float
    every_s: float


DEFAULTS: Mapping[str, Limit] = {
    # per address prefix (/24, /56)
    "registration": Limit(6, 600),
    # accounts opened by proof of work: above a burst the work doubles, and again above the next; all prefixes together
    "work_prefix": Limit(6, 100),
    "work_all": Limit(120, 5),
    "failed_token": Limit(20, 60),
    "link_put": Limit(10, 60),
    "seal_prefix": Limit(10, 6),
    # calls of which other gateways are told before they are carried out, so that no copy is; beyond it they are not
    "claim_prefix": Limit(120, 0.5),
    # backups have no account, and one prefix may stand for a whole carrier's network: many people make one in an hour,
    # 1,500 a day of 160 KiB at most come to 230 MiB, and the last 256 MiB of a disk take no new ones
    "backup_new": Limit(60, 60),
    "backup_prefix": Limit(600, 0.5),
    # attachments: MiB announced, at least one each; pieces going up or down, each of at most 1 MiB
    "upload_prefix": Limit(1024, 2),
    "piece_prefix": Limit(4800, 0.02),
    "send_prefix": Limit(1200, 0.05),
    "ephemeral_prefix": Limit(600, 0.025),
    "commit_prefix": Limit(200, 0.3),
    # per bridge; whoever is behind it counts under a seal of their own, its address under nothing
    # a private token opens 240 carriers at once and then 4 a second, so one person's cannot use up what others begin
    # with; what public tokens open has no budget, and this bucket is what it may cost: resumed seals need none of it
    "seal_bridge": Limit(300, 0.05),
    "registration_bridge": Limit(60, 60),
    # the public space, per address prefix: a call that reads, a new persona
    "public_read": Limit(300, 0.2),
    "persona_create": Limit(10, 60),
    # per persona; what it writes goes by how far it is trusted
    "persona_login": Limit(20, 30),
    "post_trust0": Limit(5, 720),
    "post_trust1": Limit(30, 120),
    "post_trust2": Limit(120, 30),
    "comment_trust0": Limit(20, 180),
    "comment_trust1": Limit(100, 36),
    "comment_trust2": Limit(400, 9),
    "channel_trust0": Limit(1, 86_400),
    "channel_trust1": Limit(3, 28_800),
    "channel_trust2": Limit(20, 4320),
    "post_limited": Limit(5, 17_280),
    "report_trust0": Limit(10, 360),
    "report_trust1": Limit(30, 120),
    "report_trust2": Limit(60, 60),
    "appeal": Limit(20, 180),
    "subscribe": Limit(60, 10),
    "member_write": Limit(60, 10),
    # per member of staff, and per address prefix for who is none yet
    "review_call": Limit(600, 0.1),
    "review_login": Limit(30, 10),
    "private_unlock": Limit(5, 300),
    # per account
    "login": Limit(20, 30),
    "device_list_write": Limit(10, 3600),
    "pass_group": Limit(20, 3600),
    "pass_invite": Limit(20, 3600),
    # one is worth 4 MiB (attachments.PASS_BYTES): 2 GiB in a day of UTC, at whose end every bucket is full again
    "pass_upload": Limit(256, 337.5),
    # kept by the day in the database, since it spans a week
    "bridge_tokens": Limit(5, 7 * 86_400 / 5),
    "row_read": Limit(60, 1),
    "own_data": Limit(20, 5),
    "key_package_write": Limit(60, 60),
    "refs_write": Limit(60, 10),
    # per mailbox: numbers anew what waits, ten thousand entries in 0.4 s of the one writer, once after a restore
    "mailbox_lift": Limit(4, 3600),
    # of those where more than `LIFT_LARGE` wait, all together: accounts are cheaper than the writer's time
    "mailbox_lift_large": Limit(30, 60),
    "username_lookup": Limit(100, 900),
    "username_write": Limit(10, 3600),
    "push_write": Limit(20, 60),
    "report": Limit(20, 3600),
    # per locator of a backup; writes once the pinned key has signed, so that nobody else uses them up
    "backup_read": Limit(10, 3600),
    "backup_write": Limit(30, 60),
    # per target account
    "claim": Limit(20, 60),
    # claims of strangers, which make contact requests: of the account that asks, of one in its first week (5 a day),
    # and to the account that is asked
    "request": Limit(10, 3600),
    "request_young": Limit(5, 17_280),
    "request_target": Limit(30, 3600),
    # per group; charged after the epoch token was found right, so that an outsider cannot use them up
    "send": Limit(120, 0.5),
    # a call of four on networks without UDP: 12 links, two attempts on each, nine signals of one at once
    "ephemeral": Limit(240, 0.1),
    "commit": Limit(20, 3),
    # calls: of a group, after its token, and of an address prefix; in ten minutes 12 for a relay, which is dear, and 30
    # for tickets; 60 of a prefix
    "relay_group": Limit(12, 50),
    "relay_late": Limit(4, 60),  # of the same group, by the token of the epoch before, which a removed member has too
    "relay_prefix": Limit(60, 10),
    "ticket_group": Limit(30, 20),
    "ticket_late": Limit(4, 60),
    "ticket_prefix": Limit(60, 10),
    # per connection; the unit is one byte
    "inbound_bytes": Limit(32 * 1024 * 1024, 1 / (256 * 1024)),
}


class Meter:
    """One token bucket of one thread. now: see `Limits.take`."""

    __slots__ = ("_burst_s", "_every_s", "_full_at")

    def __init__(self, limit: Limit) -> None:
        self._every_s = limit.every_s
        self._burst_s = limit.burst * limit.every_s
        self._full_at = 0.0

    def take(self, now: float, cost: float) -> None:
        """Spend so many tokens. Raises Limited `slow-down` with retry_ms, spending nothing."""
        full_at = max(self._full_at, now) + cost * self._every_s
        over_s = full_at - now - self._burst_s
        if over_s > 1e-9:
            raise error("slow-down", retry_ms=max(1, math.ceil(over_s * 1000)))
        self._full_at = full_at


class Limits:
    """The token buckets of one process. Safe to use from several threads."""

    def __init__(self, overrides: Mapping[str, Limit] | None = None) -> None:
        """overrides: settings of the operator by name of DEFAULTS. Raises KeyError for a name that does not exist."""
        self._table = dict(DEFAULTS)
        for name, limit in (overrides or {}).items():
            if name not in DEFAULTS:
                raise KeyError(name)
            self._table[name] = Limit(limit.burst, limit.every_s)
        self._lock = threading.Lock()
        self._begun = self._begin_hashes()
        self._day = -1
        self._full_at: dict[bytes, float] = {}
        self._sweep_at = _SWEEP_AT

    def take(self, name: str, key: bytes, *, now: float, cost: float = 1) -> None:
        """Spend `cost` tokens of this bucket.

        now: seconds, of any one clock that never jumps far. Raises Limited `slow-down` with retry_ms, spending nothing.
        """
        limit = self._table[name]
        with self._lock:
            if now // _DAY_S != self._day:
                self._turn_day(now)
            place = self._place(name, key)
            # A bucket is its time of being full again: one number, and a full bucket needs no entry at all.
            full_at = max(self._full_at.get(place, now), now) + cost * limit.every_s
            over_s = full_at - now - limit.burst * limit.every_s
            if over_s > 1e-9:
                raise error("slow-down", retry_ms=max(1, math.ceil(over_s * 1000)))
            self._full_at[place] = full_at
            if len(self._full_at) > self._sweep_at:
                self._sweep(now)

    def try_take(self, name: str, key: bytes, *, now: float) -> bool:
        """Spend a token of this bucket; False where it has none."""
        try:
            self.take(name, key, now=now)
        except Limited:
            return False
        return True

    def meter(self, name: str) -> Meter:
        """A bucket of this kind for whoever keeps it, and no key: it is full again when nobody does."""
        return Meter(self._table[name])

    def overdraw(self, name: str, key: bytes, *, now: float, bursts: int) -> None:
        """Count one more, refusing nobody: the bucket goes below empty, by so many bursts at most."""
        limit = self._table[name]
        with self._lock:
            self._turn_day(now)
            place = self._place(name, key)
            full_at = max(self._full_at.get(place, now), now) + limit.every_s
            self._full_at[place] = min(full_at, now + (1 + bursts) * limit.burst * limit.every_s)
            self._sweep(now)

    def overdrawn(self, name: str, key: bytes, *, now: float) -> float:
        """How far below empty the next `overdraw` would bring this bucket, in bursts; 0 where it holds one more."""
        limit = self._table[name]
        with self._lock:
            self._turn_day(now)
            waits_s = max(self._full_at.get(self._place(name, key), now) - now, 0)
            over = waits_s / limit.every_s + 1 - limit.burst
            return over / limit.burst if over > 1e-6 else 0.0

    def rate(self, name: str) -> Limit:
        """What this bucket holds and how fast it fills, for limits that are counted elsewhere."""
        return self._table[name]

    def _place(self, name: str, key: bytes) -> bytes:
        # Not HMAC of OpenSSL, which lets go of the interpreter and waits for it again, for each message.
        hashed = self._begun[name].copy()
        hashed.update(key)
        return hashed.digest()

    def _begin_hashes(self) -> dict[str, blake2b]:
        """Under a new key, each with what is the same for all of a bucket's places: half of the work."""
        key = os.urandom(32)
        return {name: blake2b(name.encode() + b"\0", digest_size=16, key=key) for name in self._table}

    def _sweep(self, now: float) -> None:
        if len(self._full_at) > self._sweep_at:
            self._full_at = {place: at for place, at in self._full_at.items() if at > now}
            # Twice what is left: else each call would look at all buckets, once so many are not full.
            self._sweep_at = max(_SWEEP_AT, 2 * len(self._full_at))

    def _turn_day(self, now: float) -> None:
        day = int(now // _DAY_S)
        if day != self._day:
            self._day, self._begun = day, self._begin_hashes()
            self._full_at.clear()
            self._sweep_at = _SWEEP_AT
