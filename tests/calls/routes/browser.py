"""A Chromium that calls: `python -m tests.calls.routes.browser`. As `tests.censor.programs.browser`, with a microphone.

LAB_SOUND: a WAV file, which is what its microphone hears.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from tests.censor.programs.browser import Browser
from tests.censor.programs.verbs import answer_lines

_EAR = (Path(__file__).parent / "ear.js").read_text(encoding="utf-8")
_WIRE = (Path(__file__).parent / "wire.js").read_text(encoding="utf-8")
_LOUD = 0.02
_STEADY = 25
"""So many looks of 20 ms in a row make sound that is there, not a click."""


class CallBrowser(Browser):
    """One person's browser: its loudspeaker is listened to, and its workers' frames are compared."""

    flags = (
        *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
        "--autoplay-policy=no-user-gesture-required",
        f"--use-file-for-fake-audio-capture={os.environ.get('LAB_SOUND', '')}",
    )

    def __init__(self) -> None:
        super().__init__()
        self._workers: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def attend(self) -> None:
        """Before the first page."""
        await self._ask("Page.addScriptToEvaluateOnNewDocument", source=_EAR)
        await self._ask("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)

    def hear(self, event: dict[str, Any]) -> None:
        """Workers wait until they are prepared."""
        told = event["params"]
        if event["method"] == "Target.attachedToTarget" and told.get("waitingForDebugger"):
            task = asyncio.create_task(self._prepare(told["sessionId"], told["targetInfo"]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif event["method"] == "Target.detachedFromTarget":
            self._workers.pop(told["sessionId"], None)

    async def _prepare(self, session: str, target: dict[str, Any]) -> None:
        if target["type"] == "worker":
            await self._ask("Runtime.evaluate", session=session, expression=_WIRE)
            self._workers[session] = target["url"]
        await self._ask("Runtime.runIfWaitingForDebugger", session=session)

    async def press_now(self, id: str) -> float:  # noqa: A002  # the page's word
        """As `press`; when that was, in ms since 1970."""
        await self.see(id)
        pressed = await self._with(id, "", "const at = Date.now(); it.click(); return at")
        return float(pressed)

    async def clear(self) -> None:
        """Counting and listening begin anew."""
        await self.run("lab.clear()")
        for session in list(self._workers):
            await self._ask("Runtime.evaluate", session=session, expression="lab.clear()")

    async def change_network(self) -> None:
        """The browser is told that it is online again, so what it knew of its network counts no more."""
        tell = "dispatchEvent(new Event('online'))"
        await self.run(tell)
        for session in list(self._workers):
            await self._ask("Runtime.evaluate", session=session, expression=tell)

    async def frames(self) -> dict[str, int]:
        """Of all workers since `clear`."""
        total: dict[str, int] = {}
        for found in await self._ask_workers("lab.frames"):
            for name, count in found.items():
                total[name] = total.get(name, 0) + count
        return total

    async def packets(self) -> dict[str, list[Any]]:
        """Of all workers since `clear`: `said` and `played`, each [ms since 1970, mark] of a packet in the room."""
        found = await self._ask_workers("lab.packets")
        return {name: [one for each in found for one in each[name]] for name in ("said", "played")}

    async def _ask_workers(self, expression: str) -> list[dict[str, Any]]:
        answers = [
            await self._ask("Runtime.evaluate", session=session, expression=expression, returnByValue=True)
            for session in list(self._workers)
        ]
        return [value for answer in answers if (value := answer["result"].get("value"))]

    async def counts(self) -> list[dict[str, Any]]:
        """Of each connection since `clear`, oldest first."""
        return list(await self.run("lab.count()"))

    async def sound(self) -> list[list[float]]:
        """What was heard since `clear`: [ms since 1970, loudest sample]."""
        return list(await self.run("lab.sound"))

    async def await_sound(self, since: float, seconds: float) -> float:
        """When the sound that is steady now began, at or after `since`; ms since 1970. Raises TimeoutError."""
        script = (
            f"(() => {{ const heard = lab.sound.filter(([at]) => at >= {json.dumps(since)});"
            f"const quiet = heard.findLastIndex(([, loud]) => loud < {_LOUD});"
            f"return heard.length - quiet > {_STEADY} ? heard[quiet + 1][0] : null }})()"
        )
        async with asyncio.timeout(seconds):
            while (began := await self.run(script)) is None:  # noqa: ASYNC110  # pages ring no bell
                await asyncio.sleep(0.1)
        return float(began)


async def main() -> None:
    """Answers until the input ends, then closes the browser."""
    browser = CallBrowser()
    await answer_lines(browser, browser.close)


if __name__ == "__main__":
    asyncio.run(main())
