"""Credentials of a TURN server for ten minutes, made without asking it and kept nowhere.

Source: draft-uberti-behave-turn-rest-00; coturn reads them with `use-auth-secret`.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from typing import Final

from zajil.calls.context import Calls, Relays
from zajil.protocol import control
from zajil.protocol.ids import GroupId, encode_b64

TTL_S: Final = 600
_NAME_BYTES: Final = 8


def make_credential(
    secret: str, *, now_s: float, random: Callable[[int], bytes], ttl_s: int = TTL_S
) -> tuple[str, str]:
    """Username, `<Unix second of expiry>:<8 random bytes>`, and credential, base64 of HMAC-SHA1 over it.

    secret: the text that both sides hold. Whom the name stands for, nobody can tell: it is new each time.
    """
    username = f"{int(now_s) + ttl_s}:{encode_b64(random(_NAME_BYTES))}"
    return username, base64.b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()


def relay_urls(relays: Relays) -> tuple[str, ...]:
    """What a browser is given (RFC 7065): each host over UDP, TCP and, with a certificate, TLS."""
    urls: list[str] = []
    for name in relays.hosts:
        host = f"[{name}]" if ":" in name else name
        urls += [f"turn:{host}:{relays.port}?transport={transport}" for transport in ("udp", "tcp")]
        if relays.tls_port:
            urls.append(f"turns:{host}:{relays.tls_port}?transport=tcp")
    return tuple(urls)


async def give_relay(calls: Calls, request: control.AskRelay, *, prefix: bytes) -> control.RelayAccess:
    """A fresh credential for every relay; without any, no URLs. Raises bad-group-token, slow-down."""
    await calls.admit(GroupId(request.gid), request.epoch, request.token, what="relay", prefix=prefix)
    if calls.relays is None:
        return control.RelayAccess(TTL_S, "", "", ())
    username, credential = make_credential(calls.relays.secret, now_s=calls.clock(), random=calls.random)
    return control.RelayAccess(TTL_S, username, credential, relay_urls(calls.relays))
