"""Every sentence exists in Arabic, English and Russian, and every error code has one."""

from __future__ import annotations

import importlib
import pkgutil
import string
import unicodedata
from collections.abc import Iterator
from typing import get_args

import pytest

from zajil.cli import texts
from zajil.cli.following import SHOWN
from zajil.cli.main import _CHATS, _PEOPLE
from zajil.cli.texts.checks import CHECKS
from zajil.cli.texts.complaint import LIST_CHATS, RELINK, Complaint
from zajil.cli.texts.errors import COMPLAINTS
from zajil.cli.texts.events import EVENTS
from zajil.cli.texts.system import REASONS
from zajil.cli.texts.talk.notices import DEEDS, NOTICES, OWN_NOTICES
from zajil.cli.texts.text import LANGUAGES, OF_A_HOME, PROGRAM, Language, Text, decide_language
from zajil.client.views import EVENT_KINDS, CheckCode, EventCode, EventKind
from zajil.protocol.errors import CODES

# Own to the command line; they never come from the protocol.
CLI_CODES = {"usage", "no-command", "no-text", "port-busy", "no-start", "no-data", "check-failed", "settings", "disk"}
CLI_CODES |= {"crashed", "bad-address", "no-name", "own-link", "empty-folder", "person-link", "bridge-link"}
CLI_CODES |= {"no-group", "bad-permission", "bad-span", "no-request", "no-request-id"}
CLI_CODES |= {"group-link", "no-link", "many-links", "place-unasked"}
CLI_CODES |= {
    "no-message",
    "many-messages",
    "no-emoji",
    "not-yours",
    "too-late",
    "edit-file",
    "codes-differ",
    "no-code",
    "verify-again",
}
CLI_CODES |= {"bad-time", "bad-domain", "setup-exists", "no-manifest"}
CLI_CODES |= {"no-bridge", "many-bridges"}
CLI_CODES |= {"name-used", "not-reserved"}
CLI_CODES |= {"short-query", "bad-profile", "no-screen", "no-terminal"}
CLI_CODES |= {"bad-month", "no-report", "check-here", "no-agreement", "no-public-log"}
CLI_CODES |= {"bad-account", "no-account", "no-reference"}
CLI_CODES |= {"no-moderation", "bad-model", "no-set"}
CLI_CODES |= {"policy-faults", "policy-refused", "no-file", "no-address", "not-listed", "log-broken"}
CLI_CODES |= {"bad-log-key", "other-log-key"}
CLI_CODES |= {
    "bridge-danger",
    "bridge-busy",
    "bridge-settings",
    "bad-join",
    "join-shown",
    "join-open",
    "join-refused",
    "bad-site",
    "no-settings",
    "no-edge",
}
CLI_CODES |= {
    "file-exists",
    "file-unreadable",
    "file-unwritable",
    "bad-proxy",
    "no-route",
    "no-route-so",
    "remove-unasked",
}
CLI_CODES |= {"no-persona", "which-persona", "delete-unasked", "no-public-space", "bad-post", "post-too-long"}
CLI_CODES |= {"no-reason", "bad-decision", "note-too-long", "no-moderation"}
CLI_CODES |= {"bad-reason", "not-suspended"}
CLI_CODES |= {"no-staff-key", "staff-key-exists", "logged-out"}
CLI_CODES |= {"no-such-word", "no-cluster"}
CLI_CODES |= {"no-calls", "not-stripped", "which-file"}
CLI_CODES |= {"folder-used", "not-asked", "account-ended", "half-push-keys"}
CLI_CODES |= {"backup-exists", "backup-unreadable", "backup-unwritable", "backup-damaged", "backup-newer"}
CLI_CODES |= {"backup-swapped", "backup-no-keys", "backup-other-keys", "backup-not-empty", "move-nothing"}
CLI_CODES |= {"foreign-file", "backup-forged", "backup-unproven", "backup-unproven-place", "loss-unasked"}
CLI_CODES |= {"backup-clock", "backup-no-folder", "database-away", "database-unwritable", "data-held", "no-extra"}
CLI_CODES |= {"bad-relay-ip", "half-certificate", "no-relay", "no-calls"}


def every_text() -> Iterator[tuple[str, Text]]:
    for module_info in pkgutil.walk_packages(texts.__path__, f"{texts.__name__}."):
        module = importlib.import_module(module_info.name)
        for name, value in vars(module).items():
            if isinstance(value, Text):
                yield f"{module_info.name}.{name}", value
    yield from ((f"event {code}", sentence) for code, sentence in EVENTS.items())
    for own, notices in (("notice", NOTICES), ("own notice", OWN_NOTICES)):
        yield from ((f"{own} {code}", sentence) for code, sentence in notices.items())
    yield from ((f"{code} {n}", sentence) for code, four in DEEDS.items() for n, sentence in enumerate(four))
    yield from ((f"reason {number}", sentence) for number, sentence in REASONS.items())
    for table, complaints in (("error", COMPLAINTS), ("check", CHECKS)):
        for code, complaint in complaints.items():
            yield f"{table} {code}", complaint.sentence
            if complaint.hint is not None:
                yield f"hint of {table} {code}", complaint.hint


TEXTS = dict(every_text())


def placeholders(template: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}


def letters(text: str, script: str) -> int:
    return sum(unicodedata.name(character, "").startswith(script) for character in text)


def faults_of(text: Text) -> Iterator[str]:
    """What one of the three languages says that the others do not, or in letters of another."""
    if not all(text):
        yield "a language is missing"
    values = dict.fromkeys(placeholders(text.en), "7")
    if not values.keys() == placeholders(text.ar) == placeholders(text.ru):
        yield "the languages are filled with different values"
    elif any("{" in text.in_language(language, **values) for language in LANGUAGES):
        yield "a placeholder stays"
    if letters(text.en, "LATIN") and not letters(text.ar, "ARABIC"):
        yield "no Arabic"
    if letters(text.en, "LATIN") and not letters(text.ru, "CYRILLIC"):
        yield "no Russian"
    foreign = letters(text.en, "ARABIC") + letters(text.en, "CYRILLIC") + letters(text.ru, "ARABIC")
    if foreign:
        yield "letters of another language"
    # What is filled in has these digits in every language; two kinds on one line are hard to read.
    if not all(character.isascii() for character in text.ar if character.isdecimal()):
        yield "other digits"


# One test: one for each of three thousand texts cost 8 seconds of the processor in a run of three workers.
def test_each_text_says_the_same_in_three_languages() -> None:
    assert [f"{name}: {fault}" for name, text in TEXTS.items() for fault in faults_of(text)] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (Text(en="Yes.", ar="نعم.", ru=""), "a language is missing"),
        (Text(en="{name}, yes.", ar="نعم.", ru="Да, {name}."), "the languages are filled with different values"),
        (Text(en="{name}.", ar="{names}.", ru="{name}."), "the languages are filled with different values"),
        (Text(en="{{x", ar="{{x", ru="{{x"), "a placeholder stays"),
        (Text(en="Yes.", ar="Yes.", ru="Да."), "no Arabic"),
        (Text(en="Yes.", ar="نعم.", ru="Yes."), "no Russian"),
        (Text(en="Yes да.", ar="نعم.", ru="Да."), "letters of another language"),
        (Text(en="Yes نعم.", ar="نعم.", ru="Да."), "letters of another language"),
        (Text(en="Yes.", ar="نعم.", ru="Да نعم."), "letters of another language"),
        (Text(en="7.", ar="٧.", ru="7."), "other digits"),
    ],
)
def test_a_fault_of_a_text_is_found(text: Text, fault: str) -> None:
    assert fault in list(faults_of(text))


def test_every_error_code_has_its_sentence_and_no_sentence_lacks_a_code() -> None:
    assert set(COMPLAINTS) == set(CODES) | CLI_CODES
    assert not CLI_CODES & set(CODES)
    for complaint in COMPLAINTS.values():
        assert isinstance(complaint, Complaint)
        for language in LANGUAGES:
            assert getattr(complaint.sentence, language).rstrip("»”").endswith((".", "?", "!"))


def test_an_error_names_a_next_step() -> None:
    """Except where its sentence says what to give, or nothing can be done."""
    plain = {code for code, complaint in COMPLAINTS.items() if complaint.hint is None}
    assert plain <= {
        "usage",
        "no-text",
        "no-name",
        "no-emoji",
        "no-code",
        "short-query",
        "bad-permission",
        "bad-span",
    } | {
        "no-request-id",
        "suspended",
        "not-yours",
        "older-document",
    }


def test_every_finding_of_the_doctor_has_its_sentence() -> None:
    assert set(CHECKS) == set(get_args(CheckCode))


def test_everything_the_client_tells_has_its_sentence() -> None:
    assert set(EVENT_KINDS) == set(get_args(EventCode))
    assert set(EVENTS) == set(EVENT_KINDS) - {*SHOWN, "typing"}
    assert set(EVENT_KINDS.values()) <= set(get_args(EventKind))


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "ar_EG"}, "ar"),
        ({"LC_ALL": "C", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"ZAJIL_LANG": "ru", "LC_ALL": "ar_EG"}, "ru"),
        ({"ZAJIL_LANG": "ar-EG"}, "ar"),
        ({"ZAJIL_LANG": "", "LANG": "ar"}, "ar"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "arn_CL"}, "en"),
    ],
)
def test_the_language_of_a_process(environ: dict[str, str], language: Language) -> None:
    assert decide_language(environ) == language


def test_commands_in_a_text_are_for_the_home_of_the_call() -> None:
    text = Text(en="{name}: zajil sync, zajil admin", ar="{name}: zajil sync, zajil admin", ru="")
    token = PROGRAM.set("zajil --home '/a {b}'")
    try:
        said = text.in_language("en", name="zajil sync")
        assert said == "zajil sync: zajil --home '/a {b}' sync, zajil admin"
        assert LIST_CHATS.in_language("ar").endswith("zajil --home '/a {b}' chats")
        assert "zajil --home DIR link new" in RELINK.in_language("en"), "that is for an empty folder"
        text = Text(en="zajil moderation queue, zajil moderation report", ar="", ru="")
        assert text.in_language("en") == "zajil --home '/a {b}' moderation queue, zajil moderation report"
    finally:
        PROGRAM.reset(token)
    groups = {
        "link",
        "group",
        "bundle",
        "net",
        "persona",
        "channel",
        "notices",
        "appeal",
        "recovery",
        "account",
        "username",
        "push",
    }
    assert {name for name, _, _ in (*_PEOPLE, *_CHATS)} | groups == OF_A_HOME


def test_values_of_the_other_direction_are_isolated() -> None:
    text = Text(en="Hello {name}.", ar="أهلًا {name}.", ru="Привет, {name}.")
    assert text.in_language("en", name="Boris") == "Hello Boris."
    assert text.in_language("en", name="أمينة") == "Hello \u2068أمينة\u2069."
    assert text.in_language("ar", name="Boris") == "أهلًا \u2068Boris\u2069."
    assert text.in_language("ar", name="أمينة") == "أهلًا أمينة."
