"""Every request that is not a control call: files of the web client, or the page in their place.

`/`, and one segment `i` (invite), `g` (into a group), `l` (link code) or `b` (bridges), are the index: what they carry
stands in the fragment, which no server sees. `/review` is the moderators' console, a page of its own. An unknown name
is 404 and never the index. Hashed files are kept for ever, all others asked for anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from zajil.server.http.calls import HttpAnswer
from zajil.server.site import waiting
from zajil.server.site.client import CONSOLE, INDEX, BuiltClient, ClientFile
from zajil.server.site.headers import page_headers

BUILT_CLIENT: Final = Path(__file__).resolve().parent.parent / "web"
"""Where the build lies in a wheel and in a clone."""
_PAGES: Final = {**dict.fromkeys(("", "i", "g", "l", "b"), INDEX), "review": CONSOLE}
_KEEP: Final = "public, max-age=31536000, immutable"
_ASK: Final = "no-cache"
_METHODS: Final = frozenset({"GET", "HEAD"})
_TEXT: Final = "text/plain; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
_WEIGHT = re.compile(r"^q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$")


class Site:
    """The web client of one server. web: the folder of the build. dev: pages may call other ports of this machine."""

    def __init__(self, web: Path = BUILT_CLIENT, *, dev: bool = False) -> None:
        self._web = web
        self._client = BuiltClient(web)
        self._headers = page_headers(dev=dev)

    def answer(self, method: str, target: str, headers: Mapping[str, str], *, now: float) -> HttpAnswer:
        """The answer to a request. target: as sent, with query. headers: lower-case names. now: Unix seconds.

        A HEAD gets the answer of its GET; the carrier leaves the body out.
        """
        if method not in _METHODS:
            return self._refuse(405, {"allow": "GET, HEAD"})
        path = target.partition("?")[0]
        if not path.startswith("/"):
            return self._refuse(404)
        name = _PAGES.get(path[1:], path[1:])
        file = self._client.find(name)
        if file is not None:
            return self._send(file, headers)
        if name == waiting.SCRIPT_NAME:
            return self._page(waiting.SCRIPT, "text/javascript; charset=utf-8")
        if name == INDEX and self._client.find(INDEX) is None:
            language = waiting.decide_language(headers.get("accept-language", ""))
            body = waiting.render(language, waiting.find_progress(self._web, now=now))
            return self._page(body, _HTML, {"vary": "Accept-Language"})
        return self._refuse(404)

    def _send(self, file: ClientFile, asked: Mapping[str, str]) -> HttpAnswer:
        coding = decide_coding(asked.get("accept-encoding", ""), file)
        tag = f'"{file.tag}-{coding}"' if coding else f'"{file.tag}"'
        headers = {**self._headers, "cache-control": _KEEP if file.hashed else _ASK, "etag": tag}
        if len(file.bodies) > 1:
            headers["vary"] = "Accept-Encoding"
        if tag in _listed(asked.get("if-none-match", "")):
            return HttpAnswer(304, headers, b"")
        headers["content-type"] = file.kind
        if coding:
            headers["content-encoding"] = coding
        return HttpAnswer(200, headers, file.bodies[coding])

    def _page(self, body: bytes, kind: str, more: Mapping[str, str] | None = None) -> HttpAnswer:
        headers = {**self._headers, "cache-control": "no-store", "content-type": kind, **(more or {})}
        return HttpAnswer(200, headers, body)

    def _refuse(self, status: int, more: Mapping[str, str] | None = None) -> HttpAnswer:
        headers = {**self._headers, "cache-control": "no-store", "content-type": _TEXT, **(more or {})}
        return HttpAnswer(status, headers, b"Not found.\n" if status == 404 else b"Only GET and HEAD.\n")


def decide_coding(accepted: str, file: ClientFile) -> str:
    """The content coding to send: brotli before gzip before none, of those the client takes (RFC 9110 12.5.3)."""
    taken = set()
    for item in accepted.lower().split(",")[:32]:
        name, _, weight = (part.strip() for part in item.partition(";"))
        quality = _WEIGHT.match(weight) if weight else None
        if not weight or (quality and float(quality[1]) > 0):
            taken.add(name)
    return next((coding for coding in ("br", "gzip") if coding in taken and coding in file.bodies), "")


def _listed(tags: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in tags.split(",")[:32]}
