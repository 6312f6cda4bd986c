"""The frame of the command line: usage, help in three languages, exit codes, a quick start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from typer.main import get_command

from zajil.cli.commands.messages import find_message
from zajil.cli.commands.options import decide_data, decide_home
from zajil.cli.failures import Failed, complain
from zajil.cli.help import is_dashed
from zajil.cli.main import app, run_command
from zajil.cli.texts.text import language
from zajil.client import Chat, Client, Message, MessageDetails
from zajil.protocol.errors import CODES, error

COMMANDS = (
    *("register", "whoami", "contact-link", "add", "contacts", "verify", "devices", "doctor", "link"),
    *("chats", "send", "read", "sync", "group", "persona", "channel"),
    *("run", "demo", "serve", "data-inventory", "admin"),
)

PUBLIC = [f"persona {verb}" for verb in ("create", "list", "delete")]
PUBLIC += [f"channel {verb}" for verb in ("create", "list", "post", "edit", "delete", "read", "search", "subscribe")]
PUBLIC += ["channel report", "notices", "appeal"]


def zajil(*arguments: str, home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in {"ZAJIL_LANG", "LC_ALL", "LANG"}}
    return subprocess.run(
        [sys.executable, "-m", "zajil.cli.main", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**clean, "ZAJIL_HOME": str(home), "COLUMNS": "100", **environ},
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Usage:", "Chats", "Send a message", "Options")),
        ("ar", ("الاستعمال:", "المحادثات", "إرسال رسالة", "الخيارات")),
        ("ru", ("Использование:", "Чаты", "Отправить сообщение", "Параметры")),
    ],
)
@pytest.mark.slow
def test_help_speaks_three_languages(language: str, words: tuple[str, ...], tmp_path: Path) -> None:
    answer = zajil("--help", home=tmp_path, ZAJIL_LANG=language)
    assert answer.returncode == 0
    assert answer.stderr == ""
    for word in (*words, *COMMANDS):
        assert word in answer.stdout
    assert "echo" not in answer.stdout.split()
    assert "\x1b" not in answer.stdout, "piped output is plain"


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (*COMMANDS, "link new", "link approve", "group create", "group remove", "admin invite", *PUBLIC):
        assert run_command([*command.split(), "--help"]) == 0
        assert f"zajil {command}" in capsys.readouterr().out


def test_a_wide_option_leaves_room_for_what_it_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["channel", "report", "--help"]) == 0
    said = capsys.readouterr().out
    assert "What it breaks." in said
    assert "A note for the moderators" in said
    assert run_command(["report", "--help"]) == 0
    assert "CHAT ID... --reason" in capsys.readouterr().out


def test_a_refusal_says_when_to_come_again_where_that_is_not_soon(capsys: pytest.CaptureFixture[str]) -> None:
    for retry_ms, hint in ((900, "in a moment"), (600_000, "minutes to wait: 10"), (86_000_000, "hours to wait: 24")):
        complain(error("slow-down", retry_ms=retry_ms))
        assert hint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sendd"], "send"),
        (["moderation", "decide", "ITEM", "explode"], "allow, label, limit"),
        (["send"], "CHAT"),
        (["send", "Boris", "hi", "--quue"], "--queue"),
        (["read", "Boris", "--limit", "0"], "--limit"),
        (["register", "--server", "http://x"], "--name"),
        (["serve", "--port", "http"], "--port"),
        (["register", "--server", "127.0.0.1:8440", "--name", "X"], "bad-address"),
        (["link", "new", "--server", "nonsense"], "bad-address"),
        (["group", "create", "Mountains"], "CONTACT"),
        (["link", "approve"], "CODE"),
        (["send", "Boris", "   "], "no-text"),
    ],
)
def test_wrong_usage_is_2_and_says_what_would_be_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert said in output.err
    assert "Traceback" not in output.err


def test_every_protocol_error_is_one_sentence_a_code_and_the_right_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for code in CODES:
        assert complain(error(code, "for developers only")) == (3 if code == "unreachable" else 1)
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith(f"error: {code}: ")
        assert "developers" not in "".join(lines)
        assert all(line.startswith("hint: ") for line in lines[1:])


def test_an_ambiguous_name_lists_its_candidates_cleaned(capsys: pytest.CaptureFixture[str]) -> None:
    candidates = "id-one Boris\nid-two Boris\x1b[31m B.\nid-three بوريس"
    assert complain(error("ambiguous-name", detail={"candidates": candidates})) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[2:] == ["  id-one  Boris", "  id-two  Boris B.", "  id-three  \u2068بوريس\u2069"]


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_folder_is_wrong_usage(
    empty: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (["--home", empty, "whoami"], ["data-inventory", "--data", empty], ["serve", "--data", empty]):
        assert run_command(arguments) == 2
        output = capsys.readouterr()
        assert (output.out, output.err.startswith("error: empty-folder: ")) == ("", True)
    for variable in ("ZAJIL_HOME", "ZAJIL_DATA"):
        monkeypatch.setenv(variable, empty)
    assert decide_home(None).is_absolute()
    assert decide_data(None).is_absolute()


def test_every_end_has_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--version"]) == 0
    assert run_command([]) == 0
    assert [complain(end) for end in (SystemExit(0), SystemExit(None), SystemExit(3), KeyboardInterrupt())] == [
        0,
        0,
        3,
        130,
    ]
    assert capsys.readouterr().err == ""


def test_a_bug_is_told_without_a_traceback_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError) as raised:
        fail_with_a_secret()
    bug = raised.value
    assert complain(bug) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: crashed: ")
    assert "secret" not in told
    assert complain(bug, debug=True) == 1
    assert "Traceback" in capsys.readouterr().err


def fail_with_a_secret() -> None:
    raise RuntimeError("with a secret in it")


@pytest.mark.slow
def test_a_start_loads_nothing_heavy() -> None:
    """Start-up stays under 250 ms on two cores because none of these is loaded before a command needs it."""
    heavy = ["aiohttp", "sqlalchemy", "cryptography", "asyncio", "zajil.mls", "zajil.client", "zajil.server", "cbor2"]
    heavy += ["textual", "zajil.cli.tui"]
    code = f"import sys, zajil.cli.main; print([name for name in {heavy!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["save", "export"])
def test_help_names_short_options(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--home", str(tmp_path), command, "--help"]) == 0
    assert "-o, --output" in capsys.readouterr().out


def test_an_id_that_begins_with_a_dash_is_no_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("show", "release", "undo", "skip"):
        assert run_command(["--home", str(tmp_path), "moderation", command, "-XNzdEjBtdW26VVJfIpNbg"]) == 1
        assert "error: no-staff-key: " in capsys.readouterr().err
    # The beginning of a message's id names it as well; what is left is an option that was not written right.
    assert run_command(["--home", str(tmp_path), "delete", "Boris", "-UX3dEjB"]) == 1
    assert "error: no-home: " in capsys.readouterr().err
    assert run_command(["--home", str(tmp_path), "delete", "Boris", "-category"]) == 2
    assert "error: usage: " in capsys.readouterr().err
    assert run_command(["--home", str(tmp_path), "moderation", "show", "-XNz"]) == 2
    assert "error: usage: " in capsys.readouterr().err


def test_no_option_is_taken_for_an_id_that_begins_with_a_dash() -> None:
    commands: list[Any] = [get_command(app)]
    names = 0
    while commands:
        command = commands.pop()
        commands += getattr(command, "commands", {}).values()
        options = {name for param in command.params for name in param.opts}
        names += len(options)
        assert [name for name in options if is_dashed(name, options)] == [], command.name
    assert names > 100


def test_an_id_that_several_messages_begin_with_is_refused_as_such() -> None:
    chat = Chat("g", "dm", "it's\x1b[1m", "active", (), "member", 1, 1, 0)
    held = [Message(f"abcd{n}", "g", "Boris", "b", 0, "received", "", own=False) for n in range(2)]

    class Home:
        """The part of a client that finds a message."""

        def message(self, _: Chat, __: str) -> MessageDetails:
            raise error("gone", "message")

        def read(self, _: Chat, *, limit: int) -> list[Message]:
            return held[:limit]

    home = cast(Client, Home())
    assert find_message(home, chat, "abcd1") is held[1]
    with pytest.raises(Failed) as raised:
        find_message(home, chat, "abcd")
    assert (raised.value.code, complain(raised.value)) == ("many-messages", 1)
    assert "read 'it'\"'\"'s' --json" in raised.value.hint


@pytest.mark.parametrize(("code", "labels"), [("ar", ("خطأ: ", "تلميح: ")), ("ru", ("ошибка: ", "подсказка: "))])
def test_labels_speak_the_language_of_the_sentences(
    code: str, labels: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZAJIL_LANG", code)
    language.cache_clear()
    try:
        complain(error("no-home"))
    finally:
        language.cache_clear()
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{labels[0]}no-home: ")
    assert rest
    assert all(line.startswith(labels[1]) for line in rest)
