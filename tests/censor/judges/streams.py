"""Both directions of every TCP connection of a capture, and the payload of WebSocket frames in them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.censor.lab.network import run

_HEAD_END = b"\r\n\r\n"


def read_streams(file: Path, *, port: int) -> list[tuple[bytes, bytes]]:
    """Bytes that clients sent to this port and bytes they got, one pair for each connection in order."""
    listed = run("tshark", "-r", str(file), "-Y", f"tcp.dstport == {port}", "-T", "fields", "-e", "tcp.stream")
    asked = [part for number in dict.fromkeys(listed.split()) for part in ("-z", f"follow,tcp,raw,{number}")]
    shown = run("tshark", "-r", str(file), "-q", *asked, timeout_s=120)
    streams = []
    for part in shown.split("Node 1:")[1:]:
        sides = (bytearray(), bytearray())
        for indent, digits in re.findall(r"^(\t?)([0-9a-f]+)$", part, re.MULTILINE):
            sides[bool(indent)].extend(bytes.fromhex(digits))
        # "Node 0" is whoever spoke first, which for HTTP is the client.
        streams.append((bytes(sides[0]), bytes(sides[1])))
    return streams


def unmask(sent: bytes) -> bytes:
    """The payloads of WebSocket frames after the HTTP head, one after another; what is no frame ends it."""
    data = sent.partition(_HEAD_END)[2]
    found = bytearray()
    while len(data) >= 2:
        length, at = data[1] & 127, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, at = int.from_bytes(data[at : at + size]), at + size
        if data[1] & 128:
            mask, at = data[at : at + 4], at + 4
            body = data[at : at + length]
            found += bytes(byte ^ mask[n & 3] for n, byte in enumerate(body))
        else:
            found += data[at : at + length]
        data = data[at + length :]
    return bytes(found)
