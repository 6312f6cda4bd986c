"""What the reviewing commands stand on: this home's key and session, and calls that ask for the key when needed."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from zajil.cli.failures import USAGE, Failed
from zajil.cli.frame import run_until_done
from zajil.cli.texts.moderation import review as words
from zajil.client.staff import keyfile
from zajil.client.staff.calls import StaffCaller
from zajil.client.staff.keyfile import KeyFile, NoStaffKey, SessionFile, WrongPassphrase
from zajil.protocol.control import encode_json
from zajil.protocol.errors import AuthError, ZajilError
from zajil.protocol.ids import parse_b64
from zajil.protocol.review import api, routes
from zajil.protocol.review.routes import ReviewRoute

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

T = TypeVar("T", bound=msgspec.Struct)
R = TypeVar("R")


def run_for_staff(call: Coroutine[Any, Any, R]) -> R:  # Any: what it yields and is sent
    """As `run_until_done`. Raises Failed with a hint that fits reviewing, where the code's own speaks of chats."""
    try:
        return run_until_done(call)
    except ZajilError as problem:
        if problem.code == "no-such-route":
            raise Failed("no-moderation", hint=words.NO_CONSOLE_HINT()) from problem
        hint = words.HINTS.get(problem.code)
        if hint is None:
            raise
        raise Failed(problem.code, hint=hint()) from problem


class Desk:
    """A member of staff at this home. passphrase_file: where the passphrase is; None asks at the terminal."""

    def __init__(self, home: Path, passphrase_file: Path | None = None) -> None:
        self._home = home
        self._passphrase_file = passphrase_file

    def call(
        self,
        route: ReviewRoute,
        answer: type[T],
        body: msgspec.Struct | None = None,
        *,
        query: Mapping[str, str] | None = None,
        **names: str,
    ) -> T:
        """The answer; where the key has to be asked again, it is. Raises Failed, ZajilError."""
        return run_for_staff(self._call(route, answer, body, query, names))

    def log_in(self) -> None:
        """Open a session by the key of this home. Raises Failed, ZajilError."""
        run_for_staff(self._log_in(_read_key(self._home)))

    def log_out(self) -> None:
        """End the session, here and on the server. Raises ZajilError where the server does not hear of it."""
        try:
            self.call(routes.DROP_TOKEN, api.Empty)
        except AuthError:
            pass
        finally:
            keyfile.drop_session(self._home)

    @property
    def server(self) -> str:
        """Address of the server that this home is a member at. Raises Failed."""
        return _read_key(self._home).server

    def read_me(self) -> api.Me:
        """Who is logged in."""
        return self.call(routes.ME, api.Me)

    async def _call(
        self,
        route: ReviewRoute,
        answer: type[T],
        body: msgspec.Struct | None,
        query: Mapping[str, str] | None,
        names: Mapping[str, str],
    ) -> T:
        file, session = _read_key(self._home), keyfile.read_session(self._home)
        if session is None:
            raise Failed("logged-out")
        async with StaffCaller(file.server, session.token) as caller:
            try:
                return await caller.call(route, answer, body, query=query, **names)
            except ZajilError as reason:
                if reason.code != "step-up-needed":
                    raise
            await caller.step_up(self._open(file), origin=file.origin)
            return await caller.call(route, answer, body, query=query, **names)

    async def _log_in(self, file: KeyFile) -> None:
        key = self._open(file)
        async with StaffCaller(file.server) as caller:
            session = await caller.log_in(key, origin=file.origin)
        keyfile.write_session(self._home, SessionFile(bytes(session.token), session.expires))

    def _open(self, file: KeyFile) -> Ed25519PrivateKey:
        try:
            return keyfile.open_key(file, ask_passphrase(self._passphrase_file, twice=False))
        except WrongPassphrase:
            raise Failed("wrong-passphrase") from None


async def enrol(home: Path, server: str, invite: str, *, name: str, passphrase_file: Path | None) -> None:
    """Make a key in this home and come in by an invite. Raises Failed, ZajilError; then there is no key."""
    if keyfile.has_key(home):
        raise Failed("staff-key-exists")
    async with StaffCaller(server) as caller:
        origin = await caller.find_origin()
        passphrase = ask_passphrase(passphrase_file, twice=True)
        key, file = keyfile.make_key(passphrase, server=caller.server, origin=origin)
        session = await caller.enrol(key, invite, origin=origin, name=name, label=words.KEY_LABEL.en)
    keyfile.write_key(home, file)
    keyfile.write_session(home, SessionFile(bytes(session.token), session.expires))


def ask_passphrase(
    file: Path | None, *, twice: bool, label: str = "", least: int = keyfile.PASSPHRASE_CHARACTERS
) -> str:
    """A passphrase: the first line of a file, or typed unseen.

    label: what is asked for. least: characters of a new one. Raises Failed.
    """
    if file is not None:
        lines = file.read_text(encoding="utf-8").splitlines()
        given = lines[0] if lines else ""
    else:
        given = getpass.getpass((label or words.PASSPHRASE()) + " ", stream=sys.stderr)
        if twice and getpass.getpass(words.AGAIN() + " ", stream=sys.stderr) != given:
            raise Failed("short-passphrase")
    if twice and len(given) < least:
        raise Failed("short-passphrase")
    return given


def is_logged_in(home: Path) -> bool:
    """Whether this home has a session of staff."""
    return keyfile.has_key(home) and keyfile.read_session(home) is not None


def as_id(text: str) -> bytes:
    """An id as people copy it, 22 characters. Raises Malformed."""
    return parse_b64(text.strip(), size=16)


def plain(value: msgspec.Struct) -> dict[str, Any]:  # Any: JSON of any answer
    """An answer as JSON values, bytes as base64url text."""
    found: dict[str, Any] = msgspec.json.decode(encode_json(value))
    return found


def convert(fields: Mapping[str, object], kind: type[T]) -> T:
    """A request of these fields. Raises Failed `no-such-word` for a word that the request does not know."""
    try:
        return msgspec.convert({name: value for name, value in fields.items() if value is not None}, kind)
    except msgspec.ValidationError:
        raise Failed("no-such-word", exit_code=USAGE) from None


def _read_key(home: Path) -> KeyFile:
    try:
        return keyfile.read_key(home)
    except NoStaffKey:
        raise Failed("no-staff-key") from None
