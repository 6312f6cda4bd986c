"""What a device keeps to reach its server: signed documents, private bridges, what it learnt of networks, settings."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from zajil.client.state.rows import encode_row, parse_row
from zajil.client.storage.store import Tx
from zajil.protocol.path import Preference


class ReachState(msgspec.Struct, frozen=True):
    """root, endpoints: envelopes of the newest root and list, empty before any. tag: of the answer that brought them.

    fetched_at: when that was asked last (Unix ms). private: the CBOR of each bundle of private bridges. memory: of the
    dialer, as `encode_memory` makes it. salt: 32 bytes that make network keys. clock_offset_ms: what to add to our
    clock for the server's. pin: SHA-256 of the root that the link named by which the account was made, empty where it
    named none.
    """

    root: bytes = b""
    endpoints: bytes = b""
    tag: str = ""
    fetched_at: int = 0
    private: tuple[bytes, ...] = ()
    memory: bytes = b""
    salt: bytes = b""
    clock_offset_ms: int = 0
    pin: bytes = b""


class ReachSettings(msgspec.Struct, frozen=True):
    """What a person chose. socks: address of a SOCKS5 server, "" for none.

    transports: lines `NAME HOST:PORT KEY=VALUE...` of pluggable transports that lead to the server's own address.
    programs: path of the program by transport name, where it is not the usual one.
    """

    socks: str = ""
    transports: tuple[str, ...] = ()
    programs: dict[str, str] = {}
    preference: Preference = Preference.SPEED


def load_reach(tx: Tx) -> ReachState:
    """What is kept; nothing yet before the first documents."""
    data = tx.find("meta", b"reach")
    return ReachState() if data is None else parse_row(data, ReachState)


def save_reach(tx: Tx, state: ReachState) -> ReachState:
    """Write it and return it."""
    tx.put("meta", b"reach", encode_row(state))
    return state


def keeping(snapshot: Callable[[], ReachState]) -> Callable[[Tx], None]:
    """Writes, in a home that is being made, what is known at that moment."""

    def keep(tx: Tx) -> None:
        save_reach(tx, snapshot())

    return keep


def load_reach_settings(tx: Tx) -> ReachSettings:
    """The settings."""
    data = tx.find("meta", b"reach-settings")
    return ReachSettings() if data is None else parse_row(data, ReachSettings)


def save_reach_settings(tx: Tx, settings: ReachSettings) -> ReachSettings:
    """Write them and return them."""
    tx.put("meta", b"reach-settings", encode_row(settings))
    return settings
