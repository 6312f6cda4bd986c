"""What a server tells of itself: figures for dashboard and rules, and lines that hold nothing of a person."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from zajil.protocol.errors import Refused
from zajil.protocol.ids import MailboxId
from zajil.server.app import Server
from zajil.server.logs import set_up_logging
from zajil.server.metrics import Metrics

PAGES = Path(__file__).parents[2] / "docs" / "operate"
FIGURE = re.compile(r"\b(?:zajil|moderation|process)_[a-z_]+\b")


async def read_figures(metrics: Metrics) -> str:
    """As Prometheus gets them."""
    runner = await metrics.listen(0)
    try:
        host, port = runner.addresses[0][:2]
        assert host == "127.0.0.1"
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/metrics") as answer:
            return await answer.text()
    finally:
        await runner.cleanup()


async def read_queue(server: Server) -> float:
    families = text_string_to_metric_families(await read_figures(server.metrics))
    ((queue,),) = ([s.value for s in f.samples] for f in families if f.name == "zajil_queue_operations")
    return queue


def in_dashboard() -> set[str]:
    panels = json.loads((PAGES / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    return {name for panel in panels for target in panel["targets"] for name in FIGURE.findall(target["expr"])}


def in_rules() -> set[str]:
    (group,) = yaml.safe_load((PAGES / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return {name for rule in group["rules"] for name in FIGURE.findall(rule["expr"])}


async def test_dashboard_and_rules_name_figures_that_a_server_gives(server: Server) -> None:
    # Of counters with labels nothing is given before the first is counted.
    server.metrics.count_request("send", "ok")
    server.metrics.count_push("taken")
    server.metrics.moderation.count_decision("remove", "spam", "rules")
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{server.port}/v1/config") as answer:
        assert answer.status == 200
    families = list(text_string_to_metric_families(await read_figures(server.metrics)))
    given = {sample.name for family in families for sample in family.samples}
    named = in_dashboard() | in_rules()
    assert named <= given, named - given
    assert {
        name for name in given if name.startswith("zajil_") and not name.endswith(("_created", "_sum", "_count"))
    } <= {
        *named,
        *("zajil_batch_operations_bucket", "zajil_calls_bad_input_total", "zajil_calls_over_room_total"),
    }
    while await read_queue(server) != 0:
        pass  # what a server does as it starts is not through yet


async def test_the_writer_tells_how_much_it_takes_at_once(server: Server) -> None:
    def count(text: str) -> float:
        return next(
            float(line.split()[1]) for line in text.splitlines() if line.startswith("zajil_batch_seconds_count")
        )

    before = count(await read_figures(server.metrics))
    with pytest.raises(Refused, match="gone"):
        await server._engine.ack(MailboxId(b"m" * 16), 0)
    assert count(await read_figures(server.metrics)) > before


@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_hold_the_place_and_no_word_from_outside(form: str) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    try:
        set_up_logging(stream, form="json" if form == "json" else "text")
        try:
            raise ValueError("amina@example and a token")
        except ValueError:
            logging.getLogger("zajil.x").exception("a task failed")
            logging.getLogger("aiohttp.access").error("GET /c/secret from 192.0.2.7")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    said = stream.getvalue()
    assert not re.search("amina|token|secret|192", said)
    assert "a task failed" in said
    if form == "json":
        first, second = (json.loads(line) for line in said.splitlines())
        assert (first["level"], first["logger"], first["text"]) == ("error", "zajil.x", "a task failed")
        assert "builtins.ValueError" in first["trace"]
        assert second.keys() == {"level", "logger", "text"}
        assert second["text"].startswith("at test_figures.py:")
