"""A Chromium in a namespace, driven over its DevTools protocol: `python -m tests.censor.programs.browser`.

Spoken to as `verbs` says. LAB_PROFILE: folder of its profile. LAB_PIN: SHA-256 of a key it trusts beside the system's.
Things of the page are named by `data-testid`, as the browser stories do.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
from tests.censor.programs.verbs import answer_lines

_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--lang=en-GB"),
)
_FIND = """
const all = [...document.querySelectorAll(`[data-testid="${id}"]`)].filter((e) => e.checkVisibility());
const found = text === "" ? all : all.filter((e) => e.innerText.includes(text));
const it = found.at(-1);
"""


class Browser:
    """One browser with one page. flags: of its command line, beside those of every browser here."""

    flags: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._profile = Path(os.environ["LAB_PROFILE"])
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session = ""

    async def start(self) -> str:
        """Starts it with the profile as it is; its version."""
        (self._profile / "DevToolsActivePort").unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *("chromium", *_FLAGS, *self.flags, f"--user-data-dir={self._profile}", "--remote-debugging-port=0"),
            *(f"--ignore-certificate-errors-spki-list={os.environ['LAB_PIN']}", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        port, path = await self._address()
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=1 << 26)
        self._reader = asyncio.create_task(self._read())
        target = await self._ask("Target.createTarget", url="about:blank")
        attached = await self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        await self._ask("Page.enable")
        await self.attend()
        return str((await self._ask("Browser.getVersion"))["product"])

    async def attend(self) -> None:
        """The page is there and empty: for who wants more of it."""

    def hear(self, event: dict[str, Any]) -> None:
        """What the browser tells unasked, as its protocol writes it."""

    async def _address(self) -> tuple[str, str]:
        told = self._profile / "DevToolsActivePort"
        async with asyncio.timeout(30):
            while not (told.exists() and len(told.read_text().split()) == 2):  # noqa: ASYNC110  # another process writes it
                await asyncio.sleep(0.05)
        port, path = told.read_text().split()
        return port, path

    async def _read(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            answer = json.loads(message.data)
            if "method" in answer:
                self.hear(answer)
            waiting = self._waiting.pop(answer.get("id"), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)

    async def _ask(self, method: str, *, session: str = "", **parameters: object) -> dict[str, Any]:
        """session: of another target than the page."""
        assert self._socket is not None
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        request: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if chosen := session or self._session:
            request["sessionId"] = chosen
        await self._socket.send_json(request)
        answer = await self._waiting[number]
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        result: dict[str, Any] = answer["result"]
        return result

    async def go(self, url: str) -> str:
        """Opens a page; what failed, "" for nothing."""
        return str((await self._ask("Page.navigate", url=url)).get("errorText", ""))

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        done = await self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(str(done["exceptionDetails"].get("exception", {}).get("description", "script failed")))
        return done["result"].get("value")

    async def await_true(self, script: str, seconds: float = 20.0) -> None:
        """Waits until an expression is true in the page."""
        async with asyncio.timeout(seconds):
            while not await self.run(script):  # noqa: ASYNC110  # pages ring no bell
                await asyncio.sleep(0.1)

    async def _with(self, id: str, text: str, act: str) -> Any:  # noqa: A002  # the page's word
        return await self.run(f"(() => {{ const id = {json.dumps(id)}, text = {json.dumps(text)}; {_FIND} {act} }})()")

    async def see(self, id: str, text: str = "", seconds: float = 20.0) -> str:  # noqa: A002  # as above
        """Waits until something of this id that contains `text` is visible; its text."""
        try:
            async with asyncio.timeout(seconds):
                look = "return it ? it.innerText : null"
                while (found := await self._with(id, text, look)) is None:  # noqa: ASYNC110  # as above
                    await asyncio.sleep(0.1)
        except TimeoutError:
            shown = await self.run("document.body ? document.body.innerText.slice(0, 600) : ''")
            raise TimeoutError(f"no {id} with {text!r}; the page shows: {shown!r}") from None
        return str(found)

    async def attribute(self, id: str, name: str, text: str = "") -> str | None:  # noqa: A002  # as above
        """An attribute of what `see` would find."""
        found = await self._with(id, text, f"return it ? it.getAttribute({json.dumps(name)}) : null")
        return None if found is None else str(found)

    async def await_attribute(
        self,
        id: str,  # noqa: A002  # as above
        name: str,
        values: list[str],
        text: str = "",
        seconds: float = 20.0,
    ) -> str:
        """Waits until the attribute has one of these values."""
        async with asyncio.timeout(seconds):
            while (found := await self.attribute(id, name, text)) not in values:  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.1)
        return str(found)

    async def await_state(self, text: str, values: list[str], seconds: float) -> str:
        """Waits until the own message with this text has one of these states."""
        find = (
            "const own = [...document.querySelectorAll('[data-testid=message][data-own=true]')]"
            f".findLast((e) => e.innerText.includes({json.dumps(text)}));"
            "return own?.querySelector('[data-testid=state]')?.dataset.state ?? null"
        )
        async with asyncio.timeout(seconds):
            while (found := await self.run(f"(() => {{ {find} }})()")) not in values:  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.1)
        return str(found)

    async def stop(self) -> None:
        """As `close`; it can be started again."""
        await self.close()

    async def press(self, id: str, text: str = "") -> None:  # noqa: A002  # as above
        """Waits for it and clicks."""
        await self.see(id, text)
        await self._with(id, text, "it.click()")

    async def fill(self, id: str, value: str) -> None:  # noqa: A002  # as above
        """Waits for a field and types into it."""
        await self.see(id)
        await self._with(id, "", "it.focus(); it.select ? it.select() : document.execCommand('selectAll')")
        await self._ask("Input.insertText", text=value)

    async def close(self) -> None:
        """Ends the browser and keeps its profile."""
        if self._socket is not None:
            self._session = ""
            with contextlib.suppress(RuntimeError, ConnectionError, TimeoutError):
                async with asyncio.timeout(3):
                    await self._ask("Browser.close")
        if self._process is not None:
            try:
                async with asyncio.timeout(5):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
            self._process = None
        if self._reader is not None:
            self._reader.cancel()
        if self._http is not None:
            await self._http.close()
        self._socket = self._http = None


async def main() -> None:
    """Answers until the input ends, then closes the browser."""
    browser = Browser()
    await answer_lines(browser, browser.close)


if __name__ == "__main__":
    asyncio.run(main())
