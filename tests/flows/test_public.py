"""The public space from the command line: people with personas, and readers without, against a real server.

Nobody moderates in this server's own process, so `judge` beside it does what a worker would.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.flows.judge import judge
from tests.flows.lines import LineProcess
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal
from tests.forks import asked

from zajil.protocol.ids import parse_b64

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "operate" / "channels.md"
pytestmark = [pytest.mark.moderation, pytest.mark.flows, pytest.mark.slow]

ARABIC = "أُعلن عن قراءة شعرية في مكتبة النهر مساء الخميس"
RUSSIAN = "Сегодня вечером в библиотеке читают стихи"
POST_FIELDS = ["id", "name", "channel", "state", "version", "author", "created_at", "edited_at", "text", "lang"]
POST_FIELDS += ["reply_to", "thread_root", "comments", "unchecked", "label", "category", "decided_at", "held_until"]
LIMITS = """
persona_create = {burst = 1000, every_s = 1}
persona_login = {burst = 1000, every_s = 1}
channel_trust0 = {burst = 1000, every_s = 1}
post_trust0 = {burst = 1000, every_s = 1}
comment_trust0 = {burst = 1000, every_s = 1}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("public"), settings="public_space = true\n", limits=LIMITS)
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
def amina(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(tmp_path / "amina", capsys)
    terminal.register(server, "Amina")
    return terminal


@pytest.fixture
def boris(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(tmp_path / "boris", capsys)
    terminal.register(server, "Boris")
    return terminal


def test_a_channel_from_its_first_post_to_its_end(server: ServerProcess, amina: Terminal, boris: Terminal) -> None:
    amina.refused("no-persona", "channel", "create", "river_news")
    persona = amina.json("persona", "create", "amina_river", "--name", "Amina")
    assert (persona["handle"], persona["display_name"], persona["trust"]) == ("amina_river", "Amina", 0)
    channel = amina.json("channel", "create", "river_news", "--title", "أخبار النهر", "--lang", "ar")
    assert (channel["handle"], channel["title"], channel["role"]) == ("river_news", "أخبار النهر", "owner")

    made = amina.json("channel", "post", "@river_news", ARABIC, "--lang", "ar")
    assert list(made) == POST_FIELDS
    assert (made["state"], made["text"]) == ("pending", ARABIC)
    assert made["name"] == f"@river_news/{made['id']}"
    assert boris.json("channel", "read", "river_news") == [], "nobody sees it before it was checked"
    assert [each["id"] for each in amina.json("channel", "read", "river_news", "--as", "amina_river")] == [made["id"]]
    assert judge(server.data) == 1
    (seen,) = boris.json("channel", "read", f"{server.url}/c/river_news")
    assert (seen["state"], seen["author"]["handle"], seen["text"]) == ("visible", "amina_river", ARABIC)
    assert [each["id"] for each in boris.json("channel", "search", "القراءة الشعرية")] == [made["id"]]
    assert boris.json("channel", "search", "nothing like it") == []
    with urlopen(f"{server.url}/c/river_news/{made['id']}") as page:  # what `read` of its address means
        assert ARABIC in page.read().decode()

    boris.ok("persona", "create", "boris_bank", "--name", "Борис")
    boris.refused("not-allowed", "channel", "post", "river_news", "let me in")
    assert "zajil --home" in boris.err
    boris.refused("not-allowed", "channel", "post", "river_news", "well said", "--comment", made["name"])
    boris.ok("channel", "subscribe", "@river_news")
    assert [each["handle"] for each in boris.json("channel", "list")] == ["river_news"]
    boris.ok("channel", "post", "river_news", RUSSIAN, "--comment", made["name"])
    judge(server.data)
    shown = amina.ok("channel", "read", f"{server.url}/c/river_news/{made['id']}")
    assert ARABIC in shown
    assert RUSSIAN in shown
    post, comment = amina.json("channel", "read", made["name"])
    assert (post["comments"], comment["thread_root"]) == (1, made["id"])

    edited = amina.json("channel", "edit", made["name"], "الموعد تأجل")
    assert (edited["version"], edited["state"]) == (2, "pending")
    assert boris.json("channel", "read", "river_news")[0]["text"] == ARABIC, "the older version until it was checked"
    judge(server.data)
    assert boris.json("channel", "read", "river_news")[0]["text"] == "الموعد تأجل"

    boris.refused("not-allowed", "channel", "delete", made["name"])
    assert "its author" in boris.err
    boris.refused("not-allowed", "channel", "edit", made["name"], "another text")
    assert "Only its author" in boris.err
    amina.refused_usage("no-reason", "channel", "delete", comment["name"])
    amina.ok("channel", "delete", comment["name"], "--reason", "off topic")
    stub = boris.json("channel", "read", made["name"], "--as", "@boris_bank")[1]
    assert (stub["state"], stub["category"], stub["text"]) == ("removed", "channel_rules", RUSSIAN)
    assert boris.json("channel", "read", made["name"])[1]["author"] is None, "to others a stub"

    amina.refused("owns-channels", "persona", "delete", "amina_river", "--yes")
    amina.refused_usage("delete-unasked", "channel", "delete", "@river_news")
    assert amina.json("channel", "delete", "@river_news", "--yes") == {"deleted": True}
    boris.refused("gone", "channel", "read", "river_news")
    amina.ok("persona", "delete", "amina_river", "--yes")
    assert amina.json("persona", "list") == []


def test_which_persona_speaks(server: ServerProcess, amina: Terminal) -> None:
    assert "zajil --home" in amina.ok("persona", "list")
    assert "persona create" in amina.ok("notices")
    for handle in ("modern_face", "two_sides"):
        amina.ok("persona", "create", handle)
    amina.refused_usage("which-persona", "channel", "list")
    assert "@modern_face, @two_sides" in amina.err
    assert amina.json("channel", "list", "--as", "@Two_Sides") == []
    amina.refused("no-persona", "channel", "list", "--as", "someone_else")
    amina.refused("handle-confusable", "persona", "create", "modem_face")
    amina.refused("bad-handle", "persona", "create", "x")


def test_without_a_public_space_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = ServerProcess(tmp_path / "private")
    process.start()
    terminal = Terminal(tmp_path / "home", capsys)
    terminal.register(process, "Amina")
    terminal.refused("no-public-space", "channel", "read", "news")
    terminal.refused("no-public-space", "persona", "create", "amina_one")
    assert process.stop() == 0
    terminal.refused("unreachable", "channel", "read", "news")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("channel", "post", "news", "  "), "no-text"),
        (("channel", "post", "news", "x" * 8193), "post-too-long"),
        (("channel", "post", "news", "x", "--comment", "@news/short"), "bad-post"),
        (("channel", "edit", "not-a-post", "x"), "bad-post"),
    ],
)
def test_wrong_usage(amina: Terminal, arguments: tuple[str, ...], code: str) -> None:
    amina.refused_usage(code, *arguments)


def test_what_others_write_steers_no_terminal(server: ServerProcess, amina: Terminal, boris: Terminal) -> None:
    amina.ok("persona", "create", "amina_evil", "--name", "Amina \u202e[31m")
    amina.ok("channel", "create", "evil_news", "--title", "News \u202egpj")
    amina.ok("channel", "post", "evil_news", "first\n2026-01-01 00:00  Boris  forged \u202eline")
    judge(server.data)
    shown = boris.ok("channel", "read", "evil_news", "--ids")
    assert "\u202e" not in shown
    assert [line for line in shown.splitlines() if line.startswith("2026-01-01")] == []
    assert "forged" in shown


def test_warned_texts_are_shown_when_asked_for(server: ServerProcess, amina: Terminal, boris: Terminal) -> None:
    amina.ok("persona", "create", "amina_label")
    amina.ok("channel", "create", "label_news")
    made = amina.json("channel", "post", "label_news", "a shocking sight")
    judge(server.data, "label", category="sexual")
    shown = boris.ok("channel", "read", "label_news")
    assert "a shocking sight" not in shown
    assert "--reveal" in shown
    assert "a shocking sight" in boris.ok("channel", "read", "label_news", "--reveal")
    amina.ok("channel", "post", "label_news", "to be taken down")
    judge(server.data, "remove", category="fraud")
    assert "fraud" in boris.ok("channel", "read", "label_news")
    assert made["name"] in boris.ok("channel", "read", "label_news", "--ids")


def test_a_reader_follows_live_and_through_a_restart(server: ServerProcess, amina: Terminal, boris: Terminal) -> None:
    amina.ok("persona", "create", "amina_live")
    amina.ok("channel", "create", "live_news")
    first = amina.json("channel", "post", "live_news", "the first")
    judge(server.data)
    command = asked.command("zajil", "--home", str(boris.home))
    command += ["channel", "read", "live_news", "--follow", "--json"]
    with LineProcess(command, {**os.environ, "PYTHONUNBUFFERED": "1"}) as reader:
        assert json.loads(reader.next_line())["id"] == first["id"]
        second = amina.json("channel", "post", "live_news", "the second")
        judge(server.data)
        assert json.loads(reader.next_line())["text"] == "the second"
        server.kill()
        server.start()
        amina.ok("channel", "edit", second["name"], "the second, mended")
        judge(server.data)
        mended = json.loads(reader.next_line())
        assert (mended["id"], mended["text"], mended["version"]) == (second["id"], "the second, mended", 2)
        amina.ok("channel", "delete", first["name"])
        assert json.loads(reader.next_line()) == {"name": first["name"], "state": "deleted"}
        assert reader.stop(signal.SIGINT) == 0


def test_the_page_on_channels_works_when_pasted(server: ServerProcess, tmp_path: Path) -> None:
    tour = re.search(r"```sh tour\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert tour
    script = "set -euo pipefail\n" + tour[1].replace("http://127.0.0.1:8440", server.url)
    tools = asked.tools(tmp_path / "tools")
    surroundings = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    surroundings |= {"ZAJIL_DATA": str(server.data), "ZAJIL_LANG": "en"}
    pasted = subprocess.run(
        ["bash", "-c", script], env=surroundings, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert pasted.returncode == 0, pasted.stderr
    for said in ("The ferry runs again", "being checked", "No posts yet.", "Nothing found.", "Harbour news"):
        assert said in pasted.stdout


def test_the_database_names_no_account_beside_a_persona(server: ServerProcess, amina: Terminal) -> None:
    """After the whole story from the command line, no row holds an account and a persona, and no log either."""
    account = parse_b64(amina.json("whoami")["account_id"])
    persona = amina.json("persona", "create", "amina_apart")
    identity = parse_b64(persona["id"])
    for name, rows in server.rows().items():
        for row in rows:
            values = [value for value in row.values() if isinstance(value, bytes)]
            assert not (any(account in each for each in values) and any(identity in each for each in values)), name
    log = server.log.read_text(encoding="utf-8")
    assert "amina_apart" not in log
    assert persona["id"] not in log
