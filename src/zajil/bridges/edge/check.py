"""`zajil bridge check`: this bridge under every probe, beside the same web server on this machine without Zajil."""

from __future__ import annotations

import asyncio
import datetime
import os
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from zajil.bridges.edge.config import EdgeConfig, EdgeKind
from zajil.bridges.edge.edges import EdgePlan, render_caddy, render_nginx_alone
from zajil.bridges.edge.home import Credential, Home
from zajil.bridges.edge.probes import (
    Close,
    Difference,
    Ending,
    Target,
    Timing,
    Tls,
    compare,
    list_probes,
    make_places,
    measure,
    spend,
)
from zajil.bridges.edge.probes.wire import play
from zajil.protocol.errors import ZajilError
from zajil.protocol.reach.bridgepath import bridge_path
from zajil.transports.base import DialError, Reason, Stage

PATIENCE_S: Final = 7.0
SILENCE_S: Final = 10.0
ROUNDS: Final = 30
_EXPIRED_S: Final = 3 * 3600
_START_S: Final = 20.0
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class EdgeMissing(Exception):
    """The web server's program is not installed here; the text is its name."""


class EdgeSilent(Exception):
    """The web server to compare with did not start; the text is its name."""


@dataclass(slots=True)
class CheckReport:
    """What was found. with_token: whether expired and replayed paths were among the probes."""

    probes: int
    with_token: bool
    differences: list[Difference]
    timings: list[Timing] = field(default_factory=list)


async def check(
    config: EdgeConfig,
    folder: Path,
    *,
    at: tuple[str, int] | None = None,
) -> CheckReport:
    """Probe the bridge. folder: with its credential. at: host and port to connect to; None: as visitors do.

    Raises EdgeMissing, EdgeSilent, DialError (nobody answers at the bridge), OSError.
    """
    host, port = at or (config.domain, config.port)
    suspect = Target(await _address(host, port), port, config.domain)
    with tempfile.TemporaryDirectory(prefix="zajil-check-") as scratch:
        key = await asyncio.to_thread(_key_like, suspect)
        async with plain_edge(config.edge, Path(scratch), domain=config.domain, site=config.site, key=key) as plain:
            expired, replayed = await _own_paths(config, folder, suspect)
            places = make_places(config.domain, config.dir, random=os.urandom, expired=expired, replayed=replayed)
            probes = list_probes(places, silence_s=SILENCE_S)
            found = await compare(plain, suspect, probes, patience_s=PATIENCE_S, certificates=False)
            timings = await measure(plain, suspect, probes, rounds=ROUNDS)
    return CheckReport(len(probes), replayed is not None, found, timings)


async def _address(host: str, port: int) -> str:
    """The first of its addresses that takes a connection. Raises DialError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise DialError(Stage.DNS, Reason.UNREACHABLE) from None
    for _, _, _, _, (address, *_) in found:
        heard = await play(Target(str(address), port, ""), None, (Close.FIN,), patience_s=0.0)
        if heard.ending is not Ending.REFUSED:
            return str(address)
    raise DialError(Stage.TCP, Reason.UNREACHABLE)


async def _own_paths(config: EdgeConfig, folder: Path, suspect: Target) -> tuple[str | None, str | None]:
    """A path that has expired and one that was used up; none where the home server does not tell a token now."""
    home = Home(config)
    try:
        credential = Credential(folder).read()
        if credential is None:
            return None, None
        home.be(credential)
        standing = await home.ask()
    except (ZajilError, PermissionError):
        return None, None
    finally:
        await home.close()
    if standing is None or not standing.own.tokens:
        return None, None
    token = bytes(standing.own.tokens[0].token)

    def path(now_s: float) -> str:
        return bridge_path(token, config.domain, config.dir, now_s=now_s, nonce=os.urandom(8))

    replayed = path(time.time())
    await spend(suspect, replayed)
    return path(time.time() - _EXPIRED_S), replayed


def _key_like(suspect: Target) -> Key:
    """A key of the kind that the bridge's certificate has, for signatures of the same kind. Raises DialError."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((suspect.host, suspect.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=suspect.name) as secure,
        ):
            der = secure.getpeercert(binary_form=True)
    except (OSError, ssl.SSLError):
        raise DialError(Stage.TLS, Reason.UNREACHABLE) from None
    public = x509.load_der_x509_certificate(der or b"").public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return rsa.generate_private_key(65537, public.key_size)
    return ec.generate_private_key(public.curve if isinstance(public, ec.EllipticCurvePublicKey) else ec.SECP256R1())


@asynccontextmanager
async def plain_edge(kind: EdgeKind, folder: Path, *, domain: str, site: str, key: Key) -> AsyncIterator[Target]:
    """The web server without Zajil on a loopback port, with a certificate that nobody trusts, until the block ends."""
    if shutil.which(kind) is None:
        raise EdgeMissing(kind)
    certificate = folder / "certificate"
    certificate.write_bytes(_certificate(domain, key))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    pem = str(certificate)
    plan = EdgePlan(domain, site, None, port, http_port=None, listen="127.0.0.1", certificate=pem, key=pem)
    command, environ = _command(kind, plan, folder)
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        target = Target("127.0.0.1", port, domain)
        if not await _answers(target, lambda: process.returncode is None):
            raise EdgeSilent(kind)
        yield target
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _command(kind: EdgeKind, plan: EdgePlan, folder: Path) -> tuple[list[str], dict[str, str]]:
    if kind == "nginx":
        file = folder / "nginx.conf"
        user = "root" if os.geteuid() == 0 else ""
        file.write_text(render_nginx_alone(plan, str(folder), user=user), encoding="utf-8")
        return ["nginx", "-c", str(file), "-e", "stderr"], {}
    file = folder / "Caddyfile"
    file.write_text(render_caddy(plan, alone=True), encoding="utf-8")
    homes = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"], homes


async def _answers(target: Target, alive: Callable[[], bool]) -> bool:
    """Whether it does before long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            while alive():
                if (await play(target, Tls(), (), patience_s=0.05)).ending is not Ending.REFUSED:
                    return True
                await asyncio.sleep(0.1)
    return False


def _certificate(domain: str, key: Key) -> bytes:
    """Key and certificate of this name, signed by itself, good for a day."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain[:64])])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + builder.sign(key, hashes.SHA256()).public_bytes(encoding)
