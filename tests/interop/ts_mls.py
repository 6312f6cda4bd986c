"""The ts-mls peer as a Python object: each method is one JSON line to the Node process and one back; bytes are hex."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, cast

from hatch_build import find_npm

NOW = 1_800_000_000
Extension = tuple[int, bytes]


class PeerRefused(Exception):
    """ts-mls threw; the text is its error class and message."""


class Received(NamedTuple):
    kind: str
    sender: int
    data: bytes
    aad: bytes


class State(NamedTuple):
    active: str
    epoch: int
    leaf: int
    epoch_authenticator: bytes
    tree_hash: bytes
    confirmed_transcript_hash: bytes
    extensions: list[Extension]
    members: list[tuple[int, bytes]]


class Peer:
    """One Node process with any number of ts-mls clients. Its clock stands at NOW."""

    def __init__(self, bundle: Path) -> None:
        node, _ = find_npm()
        # --no-warnings: Node 20 calls WebCrypto's Ed25519 experimental on stderr.
        self._process = subprocess.Popen(
            [node, "--no-warnings", bundle, str(NOW)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        """Of the Node process."""
        return self._process.pid

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=10)

    def call(self, op: str, **fields: Any) -> dict[str, Any]:  # Any: JSON in, JSON out
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()}
        self._process.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self._process.stdin.flush()
        answer = cast("dict[str, Any]", json.loads(self._process.stdout.readline()))  # JSON
        if not answer["ok"]:
            raise PeerRefused(answer["error"])
        return answer

    def trust(self, identity: bytes, signature_key: bytes) -> None:
        self.call("trust", identity=identity, key=signature_key)

    def client(self, name: str, *, suite: int, identity: bytes) -> Client:
        key = bytes.fromhex(self.call("new_client", client=name, suite=suite, identity=identity)["key"])
        return Client(self, name, identity=identity, signature_key=key)


class Client:
    """One ts-mls client. `commit` changes nothing until `apply`, as with our own engine."""

    def __init__(self, peer: Peer, name: str, *, identity: bytes, signature_key: bytes) -> None:
        self.peer, self.name = peer, name
        self.identity, self.signature_key = identity, signature_key

    def _call(self, op: str, **fields: Any) -> dict[str, Any]:  # Any: JSON
        return self.peer.call(op, client=self.name, **fields)

    def fork(self, name: str) -> Client:
        self._call("fork", to=name)
        return Client(self.peer, name, identity=self.identity, signature_key=self.signature_key)

    def key_package(self) -> bytes:
        """MLSMessage bytes (wire format mls_key_package)."""
        return bytes.fromhex(self._call("key_package")["message"])

    def create(self, group_id: bytes, extensions: Sequence[Extension] = ()) -> None:
        rows = [[kind, data.hex()] for kind, data in extensions]
        self._call("create", groupId=group_id, extensions=rows)

    def join(self, welcome: bytes) -> list[Extension]:
        """The GroupInfo's extensions."""
        return [(kind, bytes.fromhex(data)) for kind, data in self._call("join", message=welcome)["extensions"]]

    def commit(
        self,
        *,
        adds: Sequence[bytes] = (),
        removes: Sequence[int] = (),
        extensions: Sequence[Extension] | None = None,
        aad: bytes = b"",
    ) -> tuple[bytes, bytes | None]:
        """(Commit, Welcome or None) as MLSMessage bytes; without proposals it is an update."""
        rows = None if extensions is None else [[kind, data.hex()] for kind, data in extensions]
        adds_hex = [add.hex() for add in adds]
        answer = self._call("commit", adds=adds_hex, removes=list(removes), extensions=rows, aad=aad)
        welcome = answer["welcome"]
        return bytes.fromhex(answer["message"]), None if welcome is None else bytes.fromhex(welcome)

    def apply(self) -> None:
        self._call("apply")

    def encrypt(self, data: bytes, *, aad: bytes = b"", pad_to: int = 256) -> bytes:
        return bytes.fromhex(self._call("encrypt", data=data, aad=aad, pad=pad_to)["message"])

    def receive(self, message: bytes) -> Received:
        answer = self._call("process", message=message)
        return Received(answer["kind"], answer["sender"], bytes.fromhex(answer["data"]), bytes.fromhex(answer["aad"]))

    def export(self, label: str, context: bytes, length: int) -> bytes:
        return bytes.fromhex(self._call("export", label=label, context=context, length=length)["secret"])

    def state(self) -> State:
        answer = self._call("state")
        return State(
            active=answer["active"],
            epoch=answer["epoch"],
            leaf=answer["leaf"],
            epoch_authenticator=bytes.fromhex(answer["epoch_authenticator"]),
            tree_hash=bytes.fromhex(answer["tree_hash"]),
            confirmed_transcript_hash=bytes.fromhex(answer["confirmed_transcript_hash"]),
            extensions=[(kind, bytes.fromhex(data)) for kind, data in answer["extensions"]],
            members=[(leaf, bytes.fromhex(identity)) for leaf, identity in answer["members"]],
        )
