"""What every answer tells a browser it may do: the policy of web.md 11, for pages and for control calls."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; connect-src {connect}; "
    "manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types zajil svelte-trusted-html"
)
# Bridges are unknown in advance and navigation leaks anyway: the wall is script-src.
_CONNECT: Final = "'self' https: wss:"
_CONNECT_DEV: Final = f"{_CONNECT} http://127.0.0.1:* ws://127.0.0.1:*"

_EVERYWHERE: Final = {
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
API_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {**_EVERYWHERE, "content-security-policy": "default-src 'none'; frame-ancestors 'none'"}
)
"""For answers that are never a page."""


def page_headers(*, dev: bool) -> Mapping[str, str]:
    """For the client's files, the waiting page and their errors. dev: pages may call any port of this machine."""
    policy = _POLICY.format(connect=_CONNECT_DEV if dev else _CONNECT)
    return MappingProxyType(
        {
            **_EVERYWHERE,
            "content-security-policy": policy,
            "cross-origin-opener-policy": "same-origin",
            "permissions-policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
        }
    )
