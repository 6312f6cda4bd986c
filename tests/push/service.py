"""A push service of one's own: RFC 8030 over plain HTTP on this machine, checking what a real one checks and more.

`python -m tests.push.service PORT` runs one for the browser's stories; GET /made?key= makes a subscription, GET /heard
tells the pushes. It holds the keys of the subscriptions it made, so it also decrypts what it takes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from zajil.protocol.ids import B16, encode_b64, parse_b64
from zajil.protocol.push.message import decrypt, public_bytes
from zajil.protocol.push.wire import B65, PutPush


@dataclass
class Push:
    """One that was taken. body: as it came; text: decrypted."""

    name: str
    body: bytes
    text: bytes
    ttl: int
    urgency: str
    topic: str
    claims: dict[str, object]


@dataclass
class Device:
    """A subscription. vapid: the only key it takes pushes from. answers: statuses to give, one each, then 201."""

    name: str
    vapid: bytes
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))
    answers: list[web.Response] = field(default_factory=list)


class PushService:
    """Start it with `start`; `pushes` is what came."""

    def __init__(self) -> None:
        self.devices: dict[str, Device] = {}
        self.pushes: list[Push] = []
        self.refused: list[str] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_post("/push/{name}", self._take)
        app.router.add_get("/made", self._make)
        app.router.add_get("/heard", self._tell)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def subscribe(self, vapid: str) -> tuple[Device, PutPush]:
        """What a browser does: an endpoint and keys, for pushes of this server alone. vapid: as /config tells it."""
        device = Device(encode_b64(os.urandom(12)), parse_b64(vapid, size=65))
        self.devices[device.name] = device
        put = PutPush(f"{self.origin}/push/{device.name}", B65(public_bytes(device.key)), B16(device.auth))
        return device, put

    async def _make(self, request: web.Request) -> web.Response:
        _, put = self.subscribe(request.query["key"])
        keys = {"p256dh": encode_b64(put.p256dh), "auth": encode_b64(put.auth)}
        return web.json_response({"endpoint": put.endpoint, "keys": keys})

    async def _tell(self, _request: web.Request) -> web.Response:
        told = [{"name": p.name, "text": p.text.decode(), "ttl": p.ttl, "urgency": p.urgency} for p in self.pushes]
        return web.json_response({"pushes": told, "refused": self.refused})

    async def _take(self, request: web.Request) -> web.Response:
        device = self.devices.get(request.match_info["name"])
        if device is None:
            return web.Response(status=410)
        if device.answers:
            return device.answers.pop(0)
        try:
            self.pushes.append(await self._check(request, device))
        except (KeyError, ValueError, InvalidSignature, AssertionError) as wrong:
            self.refused.append(repr(wrong))
            return web.Response(status=400)
        return web.Response(status=201, headers={"location": f"{self.origin}/message/{os.urandom(6).hex()}"})

    async def _check(self, request: web.Request, device: Device) -> Push:
        scheme, _, rest = request.headers["authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        assert parse_b64(parts["k"]) == device.vapid
        signed, _, signature = parts["t"].rpartition(".")
        raw = parse_b64(signature, size=64)
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), device.vapid)
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, signed.encode(), ec.ECDSA(SHA256()))
        head, claims = (json.loads(parse_b64(part)) for part in signed.split("."))
        assert head == {"typ": "JWT", "alg": "ES256"}
        assert claims["aud"] == self.origin
        assert str(claims["sub"]).startswith(("mailto:", "https:"))
        assert request.headers["content-encoding"] == "aes128gcm"
        assert "cookie" not in request.headers
        body = await request.read()
        topic = request.headers["topic"]
        assert len(topic) <= 32
        parse_b64(topic + "A" * (-len(topic) % 4))
        text = decrypt(body, key=device.key, auth=device.auth)
        ttl, urgency = int(request.headers["ttl"]), request.headers["urgency"]
        return Push(device.name, body, text, ttl, urgency, topic, claims)


async def _run(port: int) -> None:
    service = PushService()
    await service.start(port)
    sys.stdout.write(f"ready {service.port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1])))
