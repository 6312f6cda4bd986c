"""The home server behind a bridge: joining it once, and asking every minute which tokens open this bridge.

Whoever runs the home server decides who may come; where records go is the bridge's own setting alone, so that nobody
else can turn a bridge against a third party.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from secrets import token_bytes
from typing import Final, NamedTuple

import aiohttp

from zajil.bridges.edge.config import EdgeConfig, write_new
from zajil.protocol import control
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.reach.endpoints import TOKEN_BYTES
from zajil.transports.base import CARRIED_BYTES, USABLE_DEADLINE_S
from zajil.transports.direct import DirectTransport
from zajil.transports.http import dial_error, make_session
from zajil.transports.sockets import PLAIN, Way

CREDENTIAL_FILE: Final = "credential.json"
ASKING_FILE: Final = "joining"
_ASKING_BYTES: Final = 16
SEALED_PATH: Final = "/v1/sealed"
_CALL_S: Final = 20.0
_CLOSE_S: Final = 2.0
_OK, _NOT_MODIFIED = 200, 304


class Standing(NamedTuple):
    """What the home server says of this bridge. tag: of this very answer."""

    own: control.OwnBridge
    tag: str


class Credential:
    """What the bridge proves itself with, in a file of the state folder that its owner alone may read."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CREDENTIAL_FILE
        self._asking = folder / ASKING_FILE
        self._is_first = False

    def read(self) -> bytes | None:
        """The credential, None before the bridge has joined. Raises OSError, Malformed (the file was changed)."""
        if not self._path.exists():
            return None
        try:
            return parse_b64(str(json.loads(self._path.read_text(encoding="utf-8"))["credential"]), size=TOKEN_BYTES)
        except (ValueError, KeyError, TypeError):
            raise error("malformed", CREDENTIAL_FILE) from None

    def asking(self) -> bytes:
        """Random bytes to join with, the same until it has: an answer that was lost is told to nobody else.

        The code would not do, which the operator sent to somebody and which may be found later. Raises OSError.
        """
        if self._asking.exists() and len(kept := self._asking.read_bytes()) == _ASKING_BYTES:
            return kept
        self._asking.unlink(missing_ok=True)  # its writer ended halfway, and so before it asked
        write_new(self._asking, made := token_bytes(_ASKING_BYTES), mode=0o600)
        self._is_first = True
        return made

    def take_refusal(self) -> None:
        """The code was refused. Those bytes stay where an earlier call had them, whose answer may have been lost."""
        if self._is_first:
            self._asking.unlink(missing_ok=True)

    def write(self, joined: control.JoinedBridge) -> None:
        """Keep it. Raises FileExistsError, OSError."""
        write_new(self._path, control.encode_json(joined), mode=0o600)
        self._asking.unlink(missing_ok=True)


class Home:
    """The home server as a bridge sees it. Make it inside a running event loop; close it when done."""

    def __init__(self, config: EdgeConfig, *, way: Way = PLAIN) -> None:
        """way: how sockets to it come about. Certificates are checked as everywhere."""
        self._url = "ws" + config.origin.removeprefix("http") + SEALED_PATH
        self._calls = DirectTransport(config.origin, way=way)
        self._sockets = make_session(way, connections=0)
        self._authorization = ""

    async def close(self) -> None:
        """Ends all calls and carriers."""
        await self._calls.close()
        await self._sockets.close()

    def be(self, credential: bytes) -> None:
        """Prove oneself with this from now on."""
        self._authorization = f"{control.Auth.BRIDGE.value} {encode_b64(credential)}"

    async def join(self, config: EdgeConfig, *, asking: bytes) -> control.JoinedBridge:
        """Join with the operator's code. Raises DialError, and whatever the server refuses it with.

        asking: as of `Credential`. The code is spent where the answer is lost; within a day the same call is told it.
        """
        body = control.encode_json(control.JoinBridge(config.join, config.domain, config.port, config.dir))
        # Settings that were changed in between are another call.
        headers = {"Idempotency-Key": encode_b64(hashlib.sha256(asking + body).digest())}
        answer = await self._calls.call(
            control.JOIN_BRIDGE.method, control.JOIN_BRIDGE.url(), headers=headers, body=body, timeout_s=_CALL_S
        )
        if answer.status != _OK:
            raise control.parse_problem(answer.status, answer.body)
        return control.parse_json(answer.body, control.JoinedBridge)

    async def ask(self, tag: str = "") -> Standing | None:
        """Which tokens open this bridge now; None where nothing changed since the answer with this tag.

        Raises DialError, AuthError (the operator removed this bridge), any other refusal.
        """
        headers = {"authorization": self._authorization, **({"if-none-match": tag} if tag else {})}
        answer = await self._calls.call(
            control.OWN_BRIDGE.method, control.OWN_BRIDGE.url(), headers=headers, timeout_s=_CALL_S
        )
        if answer.status == _NOT_MODIFIED and tag:
            return None
        if answer.status != _OK:
            raise control.parse_problem(answer.status, answer.body)
        return Standing(control.parse_json(answer.body, control.OwnBridge), answer.headers.get("etag", ""))

    async def dial(self, affinity: str) -> aiohttp.ClientWebSocketResponse:
        """A carrier to the gateways. affinity: the client's `r`, "" for none. Raises DialError."""
        try:
            async with asyncio.timeout(USABLE_DEADLINE_S):
                return await self._sockets.ws_connect(
                    self._url + (f"?r={affinity}" if affinity else ""),
                    headers={"Authorization": self._authorization},
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S),
                    autoping=False,
                    compress=0,
                    max_msg_size=CARRIED_BYTES,
                )
        except (aiohttp.ClientError, OSError, TimeoutError, ZajilError) as failure:
            raise dial_error(failure) from None
