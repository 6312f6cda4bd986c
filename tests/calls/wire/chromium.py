"""Headless Chromium with fake devices, driven over its DevTools protocol: people of a call, each in an own context.

The page is the one of `web/e2e/calls`: the media of calls that ships, driven by a test in the place of a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp

CHROMIUM = Path(os.environ.get("ZAJIL_CHROMIUM", "/usr/bin/chromium"))
PATIENCE_S = 60
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    "--autoplay-policy=no-user-gesture-required",
)
_TELL = "window.told = (told) => window.tell(JSON.stringify(told));"
Told: TypeAlias = dict[str, Any]  # Any: what a page's JSON holds


class Chromium:
    """One browser. Events of a page go to whoever opened it."""

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._http, self._socket = http, socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listeners: dict[str, Callable[[Told], None]] = {}
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            answer = json.loads(message.data)
            if answer.get("method") == "Runtime.bindingCalled":
                self._listeners[answer["sessionId"]](json.loads(answer["params"]["payload"]))
            waiting = self._waiting.pop(answer.get("id"), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)

    async def ask(self, method: str, session: str = "", **parameters: object) -> dict[str, Any]:
        """The result of a command. Raises RuntimeError with the browser's words."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        request: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        await self._socket.send_json(request)
        answer = await self._waiting[number]
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        result: dict[str, Any] = answer["result"]
        return result

    async def open(self, url: str, hear: Callable[[Told], None], *scripts: str) -> Page:
        """The page of calls in a context of its own; scripts run in it before its own."""
        page = await self.visit(url, hear, *scripts)
        await page.until("window.call !== undefined")
        return page

    async def visit(self, url: str, hear: Callable[[Told], None], *scripts: str) -> Page:
        """Any page, which may not be there yet."""
        context = await self.ask("Target.createBrowserContext")
        target = await self.ask("Target.createTarget", url="about:blank", browserContextId=context["browserContextId"])
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        session = str(attached["sessionId"])
        self._listeners[session] = hear
        await self.ask("Page.enable", session)
        await self.ask("Runtime.enable", session)
        await self.ask("Runtime.addBinding", session, name="tell")
        for script in (_TELL, *scripts):
            await self.ask("Page.addScriptToEvaluateOnNewDocument", session, source=script)
        await self.ask("Page.navigate", session, url=url)
        return Page(self, session)

    async def close(self) -> None:
        """Ask it to end."""
        with contextlib.suppress(RuntimeError, ConnectionError, TimeoutError):
            async with asyncio.timeout(3):
                await self.ask("Browser.close")
        self._reader.cancel()
        await self._socket.close()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a browser."""

    browser: Chromium
    session: str

    async def run(self, script: str) -> Any:
        """The value of an expression; promises are awaited. Raises RuntimeError."""
        done = await self.browser.ask(
            "Runtime.evaluate", self.session, expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in done:
            raise RuntimeError(str(done["exceptionDetails"].get("exception", {}).get("description", "script failed")))
        return done["result"].get("value")

    async def until(self, script: str) -> Any:
        """The value of an expression once it is something. Raises TimeoutError with what the page shows."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (value := await self.run(script)):  # noqa: ASYNC110  # pages ring no bell
                    await asyncio.sleep(0.05)
                return value
        except TimeoutError:
            shown = await self.run("document.body ? document.body.innerText.slice(0, 600) : ''")
            raise TimeoutError(f"never {script}; the page shows {shown!r}") from None

    async def see(self, name: str, text: str = "") -> None:
        """Waits until something of this `data-testid` that contains a text is visible."""
        await self.until(_find(name, text) + "?.checkVisibility()")

    async def press(self, name: str, text: str = "") -> None:
        """Waits for it and clicks."""
        await self.see(name, text)
        await self.run(_find(name, text) + ".click()")

    async def fill(self, name: str, value: str) -> None:
        """Waits for a field and types into it."""
        await self.see(name)
        await self.run(_find(name, "") + ".focus()")
        await self.browser.ask("Input.insertText", self.session, text=value)


def _find(name: str, text: str) -> str:
    found = f"document.querySelectorAll('[data-testid=\"{name}\"]')"
    return f"[...{found}].findLast((one) => one.innerText.includes({json.dumps(text)}))"


@contextlib.asynccontextmanager
async def chromium(profile: Path, *flags: str) -> AsyncIterator[Chromium]:
    """A browser until the end of the block."""
    told = profile / "DevToolsActivePort"
    process = await asyncio.create_subprocess_exec(
        *(str(CHROMIUM), *_FLAGS, *flags, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (told.exists() and len(told.read_text().split()) == 2):  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.05)
        port, path = told.read_text().split()
        async with aiohttp.ClientSession() as http:
            browser = Chromium(http, await http.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=1 << 26))
            try:
                yield browser
            finally:
                await browser.close()
    finally:
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            async with asyncio.timeout(5):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass
class Caller:
    """A person in a page. carry: where what it signals goes."""

    leaf: int
    carry: Callable[[Told], None]
    events: list[Told] = field(default_factory=list)
    page: Page | None = None
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    also: Callable[[Told], None] = lambda _: None
    """Hears everything as well."""

    def hear(self, told: Told) -> None:
        """What the page tells."""
        self.events.append(told)
        self.heard.set()
        self.also(told)
        if told["told"] == "signal":
            self.carry(told["signal"])

    async def arrive(self, browser: Chromium, url: str, *scripts: str, camera: bool = True, room: bool = False) -> None:
        """Opens the page with its devices. room: there is a media room, whose part the test plays."""
        self.page = await browser.open(url, self.hear, *scripts)
        await self.page.run("window.call.start()")
        begin = {"do": "begin", "me": self.leaf, "firstPc": 64, "video": camera, "room": room}
        await self.page.run(f"window.call.drive({{ ...{json.dumps(begin)}, call: new Uint8Array() }})")
        refused = await self.page.run(f"window.call.open({json.dumps(camera)})")
        assert refused == "", refused

    async def drive(self, what: str, **fields: object) -> None:
        """An order to the call's media, as `web/e2e/calls/drive.ts` has them."""
        assert self.page is not None
        await self.page.run(f"window.call.drive({json.dumps({'do': what, **fields})})")

    async def key(self, epoch: int, base_key: bytes, *, removed: bool = False) -> None:
        """The key of an epoch."""
        await self.drive("key", epoch=epoch, baseKey=list(base_key), removed=removed)

    async def until(self, what: str, holds: Callable[[Told], object]) -> Told:
        """The first event that fits, from now on or before."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    self.heard.clear()
                    for told in self.events:
                        if holds(told):
                            return told
                    await self.heard.wait()
        except TimeoutError:
            story = [told for told in self.events if told["told"] not in ("figures", "measured", "signal")]
            raise TimeoutError(f"leaf {self.leaf}: no {what}; {story}") from None

    def routes(self, leaf: int) -> list[Told]:
        """The routes of our connections with a device, as the browser names them, newest first."""
        figures = [told["figures"] for told in self.events if told["told"] == "figures"]
        samples = [one for each in reversed(figures) if each["leaf"] == leaf for one in each["samples"]]
        return [one["route"] for one in samples if "route" in one]
