"""The web client in a real Chromium behind the censor: its own server is blocked, a private bridge carries."""

from __future__ import annotations

import hatch_build
import pytest
from tests.censor.judges.capture import Capture
from tests.censor.judges.ndpi import ndpi_version, read_flows
from tests.censor.lab.capabilities import find_missing
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.network import BRIDGE_A, CADDY_BRIDGE, FRONT, ORIGIN, PLAIN
from tests.censor.lab.remote import Remote
from tests.censor.lab.report import Report

pytestmark = [pytest.mark.censor, pytest.mark.timeout(400)]

SENT = ["sent", "delivered", "read"]
BRIDGES = {BRIDGE_A, CADDY_BRIDGE}
BLOCKED = f"ip daddr {{ {ORIGIN}, {FRONT} }}"


@pytest.fixture(scope="module", autouse=True)
def client() -> None:
    """The built client, fresh."""
    missing = find_missing(("chromium", "tshark", "ndpi"))
    if missing is not None:
        pytest.skip(missing)
    try:
        if hatch_build.is_stale():
            hatch_build.build()
    except hatch_build.NoNode as reason:
        pytest.skip(str(reason))


def sign_up(lab: Laboratory, browser: Remote, pia: Remote) -> None:
    """Anna opens her invite, which brings bridges along, and adds Pia; all of it while the line is open."""
    link = lab.origin.invite_link()
    lab.bridges.refresh()
    assert browser.call("go", url=link) == ""
    browser.call("press", id="start-create")
    browser.call("fill", id="name-input", value="Anna")
    browser.call("press", id="name-done")
    browser.call("see", id="chat-list")
    browser.call("run", script="location.hash = '#/scan'")
    browser.call("fill", id="code-field", value=pia.call("link"))
    browser.call("press", id="code-use")
    browser.call("press", id="scan-accept")
    say(browser, "hello")
    # The page starts without its server once the service worker holds every file of it.
    browser.call("run", script="navigator.serviceWorker.ready.then(() => true)")


def say(browser: Remote, text: str, *, seconds: float = 60.0) -> None:
    browser.call("fill", id="composer", value=text)
    browser.call("press", id="send")
    browser.call("await_state", text=text, values=SENT, seconds=seconds, timeout_s=seconds + 5)


def test_the_web_client_reaches_its_chats_over_a_bridge_with_its_origin_blocked(
    lab: Laboratory, report: Report
) -> None:
    pia, browser = lab.person(lab.network.servers), lab.browser()
    pia.call(
        "register", home=str(lab.folder / "pia"), server="https://origin.test", name="Pia", invite=lab.origin.invite()
    )
    pia.call("follow")
    page, file = lab.folder / "page.pcapng", lab.folder / "pwa.pcapng"
    try:
        browser.call("start")
        sign_up(lab, browser, pia)
        browser.call("stop")
        lab.censor.drop(BLOCKED)
        with Capture(lab.network.router, "client0", file, expression="tcp port 443"):
            browser.call("start")
            browser.call("go", url="https://origin.test/")
            browser.call("see", id="chat-list", seconds=30.0)
            browser.call("press", id="chat-row", text="Pia")
            browser.call("see", id="text", text="hello")
            say(browser, "from behind the wall")
            assert pia.call("await_texts", texts=["from behind the wall"], seconds=30.0)
            (chat,) = [one for one, shown in pia.call("chats").items() if shown["title"] == "Anna"]
            pia.call("say", chat=chat, text="and back", seconds=30.0)
            browser.call("see", id="text", text="and back", seconds=60.0, timeout_s=65.0)
            assert browser.call("attribute", id="route-pill", name="data-state") == "via"
            browser.call("stop")
        with Capture(lab.network.router, "client0", page, expression="tcp port 443"):
            browser.call("start")
            assert browser.call("go", url="https://plain.test/") == ""
            browser.call("await_true", script="document.title === 'Orchard notes'")
            browser.call("stop")
    finally:
        lab.censor.lift()
        browser.leave()
        pia.leave()
    of_client = [flow for flow in read_flows(file) if flow.server in BRIDGES]
    of_page = [flow for flow in read_flows(page) if flow.server == PLAIN]
    assert of_client, "it went over the bridges"
    assert of_page
    risks = frozenset().union(*(flow.risks for flow in of_client))
    usual = frozenset().union(*(flow.risks for flow in of_page))
    report.judges["web client, origin blocked"] = "starts from its cache, sends and receives over a bridge"
    report.judges[f"nDPI {ndpi_version()}, web client over a bridge"] = {
        "labels": sorted({flow.label for flow in of_client}),
        "risks": sorted(risks),
        "risks of the same Chromium on a plain page": sorted(usual),
    }
    assert risks <= usual, "nDPI flags what it does not flag of a plain page"
    assert {flow.label for flow in of_client} <= {flow.label for flow in of_page}
