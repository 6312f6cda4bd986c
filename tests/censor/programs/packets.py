"""IPv4 and TCP as a censor reads them: addresses, flags, payload; and the RST segments it forges."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP: Final = 6
Flow = tuple[bytes, int, bytes, int]
"""Client address and port, server address and port."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment. Ports, sequence numbers and flags as on the wire."""

    source: bytes
    source_port: int
    target: bytes
    target_port: int
    sequence: int
    acknowledged: int
    flags: int
    payload: bytes

    @property
    def to_server(self) -> bool:
        """Whether the client sent it: servers of the laboratory listen below the range of ephemeral ports."""
        return self.target_port < self.source_port

    @property
    def flow(self) -> Flow:
        """The connection it belongs to, equal in both directions."""
        if self.to_server:
            return self.source, self.source_port, self.target, self.target_port
        return self.target, self.target_port, self.source, self.source_port


def parse_segment(packet: bytes) -> Segment | None:
    """The TCP segment in an IPv4 packet; None for anything else, fragments and cut headers too."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != TCP:
        return None
    start, total = (packet[0] & 15) * 4, int.from_bytes(packet[2:4])
    if int.from_bytes(packet[6:8]) & 0x1FFF or not start + 20 <= total <= len(packet):
        return None
    source_port, target_port, sequence, acknowledged, offset, flags = struct.unpack_from("!HHIIBB", packet, start)
    data = start + (offset >> 4) * 4
    if data > total:
        return None
    return Segment(
        packet[12:16], source_port, packet[16:20], target_port, sequence, acknowledged, flags, packet[data:total]
    )


def forge_resets(seen: Segment) -> tuple[bytes, bytes]:
    """Two IPv4 packets that end the connection of `seen`: one to its receiver, one back to its sender.

    Both carry the sequence number their receiver expects next; a reset that does not is answered with a challenge.
    """
    following = (seen.sequence + len(seen.payload)) & 0xFFFFFFFF
    ahead = _reset(seen.source, seen.source_port, seen.target, seen.target_port, following, seen.acknowledged)
    back = _reset(seen.target, seen.target_port, seen.source, seen.source_port, seen.acknowledged, following)
    return ahead, back


def _reset(source: bytes, source_port: int, target: bytes, target_port: int, sequence: int, acknowledged: int) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", source_port, target_port, sequence, acknowledged, 5 << 4, RST | ACK, 0, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, TCP, 0) + source + target
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp


def checksum(data: bytes) -> int:
    """The internet checksum, RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def looks_fully_encrypted(payload: bytes) -> bool:
    """Whether a first client payload is blocked as "fully encrypted traffic".

    Source: Wu et al., How the Great Firewall of China Detects and Blocks Fully Encrypted Traffic, USENIX Security
    2023, rules Ex1 to Ex5.
    """
    if len(payload) == 0:
        return False
    ones = sum(byte.bit_count() for byte in payload) / len(payload)
    if ones <= 3.4 or ones >= 4.6:
        return False
    printable = [0x20 <= byte <= 0x7E for byte in payload]
    if all(printable[:6]) and len(payload) >= 6:
        return False
    if sum(printable) * 2 > len(payload) or _longest_run(printable) > 20:
        return False
    return not (payload[:1] in (b"\x16", b"\x17") and payload[1:2] == b"\x03" and payload[2:3] <= b"\x09") and not (
        payload.startswith((b"GET ", b"PUT ", b"POST ", b"HEAD "))
    )


def _longest_run(flags: list[bool]) -> int:
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest
