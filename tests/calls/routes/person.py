"""One person with a browser, and what they do on the screen of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.censor.lab.network import Namespace
from tests.censor.lab.remote import Remote

PATIENCE_S = 30.0
RUNGS = ("direct", "relay-udp", "relay-tcp", "relay-tls", "server")


class Person:
    """A browser in a namespace. Times are ms since 1970, which all processes of the laboratory share."""

    def __init__(self, name: str, namespace: Namespace, environment: Mapping[str, str], *, log: Path) -> None:
        self.name = name
        self.namespace = namespace
        self._browser = Remote(namespace, "tests.calls.routes.browser", environment, log=log)
        self._browser.call("start")

    # --- before a call

    def sign_up(self, link: str) -> None:
        assert self._browser.call("go", url=link) == ""
        self._browser.call("press", id="start-create")
        self._browser.call("fill", id="name-input", value=self.name)
        self._browser.call("press", id="name-done")
        self._browser.call("see", id="chat-list")

    def invite(self) -> str:
        """A link with which somebody adds this person."""
        self._go("#/invite")
        return str(self._browser.call("see", id="invite-link", text="/i#"))

    def add(self, link: str, greeting: str) -> None:
        self._go("#/scan")
        self._browser.call("fill", id="code-field", value=link)
        self._browser.call("press", id="code-use")
        self._browser.call("press", id="scan-accept")
        self._browser.call("fill", id="composer", value=greeting)
        self._browser.call("press", id="send")

    def open_chat(self, title: str, text: str = "") -> None:
        self._go("#/")
        self._browser.call("press", id="chat-row", text=title)
        self._browser.call("see", id="text" if text else "composer", text=text)

    def hide_address(self, hidden: bool) -> None:
        """As the switch of the settings leaves it, which is read when a call begins."""
        value = "yes" if hidden else "no"
        self._browser.call("run", script=f"localStorage.setItem('zajil.hide-address', '{value}')")

    def _go(self, fragment: str) -> None:
        self._browser.call("run", script=f"location.hash = '{fragment}'")

    def change_network(self) -> None:
        """What was remembered of the network, such as which way carried a call, counts no more."""
        self._browser.call("change_network")

    # --- a call

    def clear(self) -> None:
        """Counting and listening begin anew."""
        self._browser.call("clear")

    def start_call(self) -> None:
        self._browser.call("press", id="call-start")

    def answer(self) -> float:
        """When it was pressed."""
        return float(self._browser.call("press_now", id="call-answer"))

    def hang_up(self) -> None:
        self._browser.call("press", id="call-hang-up")

    def close_call(self) -> None:
        """What is shown of a call that is over goes away."""
        script = (
            "(() => { document.querySelector('[data-testid=call-close]')?.click();"
            "return !document.querySelector('[data-testid=call]') })()"
        )
        self._browser.call("await_true", script=script, seconds=PATIENCE_S)

    def await_rung(self, rungs: Sequence[str] = RUNGS, seconds: float = PATIENCE_S) -> str:
        """Until the screen shows one of these; which."""
        arguments = {"id": "call-why", "name": "data-rung", "values": list(rungs), "seconds": seconds}
        return str(self._browser.call("await_attribute", timeout_s=seconds + 5, **arguments))

    def rung(self) -> str:
        """As the screen shows it now."""
        return str(self._browser.call("attribute", id="call-why", name="data-rung"))

    def await_sound(self, since_ms: float, seconds: float = PATIENCE_S) -> float:
        """When the sound that is heard now began, at or after `since_ms`."""
        return float(self._browser.call("await_sound", since=since_ms, seconds=seconds, timeout_s=seconds + 5))

    def frames(self) -> dict[str, int]:
        """Since `clear`: `sealed`, `sealed_bytes`, `opened`, `plaintext`; of rooms `sealed_room`, `blocks`, `gaps`."""
        return dict(self._browser.call("frames"))

    def counts(self) -> list[dict[str, Any]]:
        """What the browser counted of each connection since `clear`."""
        return list(self._browser.call("counts"))

    def packets(self) -> dict[str, list[tuple[float, int]]]:
        """Of sound in the media room since `clear`: when each was `said` and `played`, ms since 1970, and its mark."""
        return dict(self._browser.call("packets"))

    def sound(self) -> list[list[float]]:
        return list(self._browser.call("sound"))

    def look(self) -> str:
        """The text of the page, for the one who looks for a fault."""
        return str(self._browser.call("run", script="document.body.innerText.slice(0, 1500)"))

    def leave(self) -> None:
        self._browser.leave()
