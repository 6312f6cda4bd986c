"""Posts to push services: endpoints come from people, so where a post really goes is checked where it connects.

The name is resolved here and the connection made to an address of that very answer, so no second answer can lead
elsewhere. No redirect is followed, no proxy or cookie used, and of an answer no more than its head and 4 KiB is read.
"""

from __future__ import annotations

import asyncio
import email.utils
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from zajil.delivery.push.sending import Answer
from zajil.protocol.errors import ZajilError
from zajil.protocol.push.wire import PushRules, check_endpoint, is_public

_CONNECT_S: Final = 5.0
_WHOLE_S: Final = 10.0
_ANSWER_BYTES: Final = 4096
_CONNECTIONS_MAX: Final = 32
_RETRY_AFTER_MAX_S: Final = 86_400.0
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a name. Raises OSError."""


class _PrivateAddress(OSError):
    """A name of the outside leads inside."""


class _CheckedResolver(AbstractResolver):
    """All addresses of a name, if every one of them is public: one that is not makes all of them suspect."""

    def __init__(self, resolve: Resolve, *, private: bool) -> None:
        self._resolve = resolve
        self._private = private

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002  # aiohttp's interface; we give both kinds
    ) -> list[ResolveResult]:
        addresses = await self._resolve(host, port)
        if not self._private and not all(is_public(address) for address in addresses):
            raise _PrivateAddress(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to let go of."""


class Poster:
    """POST to endpoints, within the rules. One for a server."""

    def __init__(self, rules: PushRules, *, resolve: Resolve | None = None, whole_s: float = _WHOLE_S) -> None:
        """resolve: None for the system's. whole_s: the longest one post may take."""
        self._rules = rules
        self._resolver = _CheckedResolver(resolve or resolve_by_system, private=rules.private)
        self._timeout = aiohttp.ClientTimeout(total=whole_s, connect=_CONNECT_S, sock_connect=_CONNECT_S)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What the push service said; see `delivery.push.sending.Post`."""
        try:
            check_endpoint(endpoint, self._rules)
            async with self._open().post(endpoint, data=body, headers=headers, allow_redirects=False) as answer:
                told = Answer(answer.status, _retry_after_s(answer.headers.get("Retry-After", "")))
                await answer.content.read(_ANSWER_BYTES)
                if not answer.content.at_eof():
                    answer.close()  # not to be read, and not to be used again
                return told
        except ZajilError:
            return Answer(403)
        except aiohttp.ClientConnectorError as fault:
            return Answer(403 if isinstance(fault.os_error, _PrivateAddress) else 0)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return Answer(0)

    async def close(self) -> None:
        """Let go of every connection."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver, use_dns_cache=False, limit=_CONNECTIONS_MAX, keepalive_timeout=60
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"user-agent": "zajil"},
                max_line_size=4096,
                max_field_size=4096,
            )
        return self._session


async def resolve_by_system(host: str, port: int) -> list[str]:
    """Every address that the system's resolver has for this name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _retry_after_s(text: str) -> float:
    """Seconds of a Retry-After (RFC 9110 10.2.3), 0 for none that can be read; a date counts from now."""
    if text.isascii() and text.isdecimal():
        return min(float(text), _RETRY_AFTER_MAX_S)
    try:
        at = email.utils.parsedate_to_datetime(text)
        left = (at - email.utils.localtime()).total_seconds() if at.tzinfo else 0.0
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return min(max(left, 0.0), _RETRY_AFTER_MAX_S)
