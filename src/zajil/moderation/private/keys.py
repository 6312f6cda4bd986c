"""The moderators' keys: whoever runs the server stores reports, and only whoever has the passphrase reads them.

Files with mode 0600 in the data directory:

    moderators.pub     JSON `{"version": 1, "keys": {"<id>": "<64 hex digits>"}}`, what reports are sealed to
    moderators.sealed  the private halves under a passphrase (`sealed`)
    moderators.key     as `moderators.pub`, the private halves in clear, of servers from before there was a passphrase

A server starts without the passphrase and seals reports all the same. A person unlocks: from then on the private halves
are in the memory of this process, until somebody locks, nobody who may read reports is logged in any more, nothing was
opened for `IDLE_S`, or the process ends. Nothing is sealed before a passphrase was chosen: nobody could read it, and a
private half that lay about in clear would open it for whoever takes the disk. Keys in clear open nothing here either;
choosing the passphrase seals them, makes a new pair for what comes from now on, and deletes the clear file.

Where moderators work on another machine, `moderators.sealed` can be moved there: this one goes on sealing. The highest
id seals; all ids open. Sealed = `key id u8 || HPKE (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
AES-256-GCM)`; what is sealed is padded, so that the size tells little of the text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from zajil.engine.files import delete_file, replace_file, write_once
from zajil.engine.keys import KeyFileError, SealBroken
from zajil.moderation.private.sealed import COST, PASSPHRASE_CHARACTERS, Cost, WrongPassphrase, open_keys, seal_keys
from zajil.protocol.errors import error

PUBLIC_FILE: Final = "moderators.pub"
SEALED_FILE: Final = "moderators.sealed"
CLEAR_FILE: Final = "moderators.key"
IDLE_S: Final = 1800
"""Locked again so long after the last report was opened."""
KeyState: TypeAlias = Literal["none", "clear", "locked", "open", "elsewhere"]
"""none: no passphrase was chosen yet. clear: neither, and old keys wait to be sealed. elsewhere: on another machine."""
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO: Final = b"zajil report v1\0"
_PAD_FROM: Final = 1024
_Private = Mapping[int, X25519PrivateKey]


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    keys: dict[int, str]


class ModeratorKeys:
    """The keys of one data directory. Every method may be called from any thread."""

    def __init__(self, data: Path, *, clock: Callable[[], float], cost: Cost = COST) -> None:
        """clock: Unix seconds. cost: of the passphrase that is chosen here. Raises KeyFileError for a damaged file."""
        self._data = data
        self._clock = clock
        self._cost = cost
        self._turn = threading.Lock()
        self._private: _Private = {}
        self._used_at = 0.0
        self._public = _load(data / PUBLIC_FILE) if (data / PUBLIC_FILE).exists() else {}
        if not self._public and (data / CLEAR_FILE).exists():
            self._public = _public_of(_load(data / CLEAR_FILE))
            write_once(data / PUBLIC_FILE, lambda: _encode(self._public))

    @property
    def state(self) -> KeyState:
        """How things stand."""
        if self._open_halves():
            return "open"
        if (self._data / SEALED_FILE).exists():
            return "locked"
        if (self._data / CLEAR_FILE).exists():
            return "clear"
        return "elsewhere" if (self._data / PUBLIC_FILE).exists() else "none"

    @property
    def opens(self) -> bool:
        """Whether reports can be read here, now."""
        return bool(self._open_halves())

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """`key id || HPKE` of the padded plaintext. context: the row's identity; it opens in its own row only.

        Raises Refused `reports-closed` where nobody ever chose a passphrase.
        """
        newest, key = self._newest()
        size = _PAD_FROM
        while size < len(plaintext) + 4:
            size *= 2
        padded = len(plaintext).to_bytes(4, "big") + plaintext
        sealed = _SUITE.encrypt(padded.ljust(size, b"\0"), key, info=_INFO + context)
        return bytes([newest]) + sealed

    def check_takes(self) -> None:
        """Raises Refused `reports-closed` where nothing can be sealed."""
        self._newest()

    def open(self, sealed: bytes, *, context: bytes, by_person: bool = True) -> bytes:
        """What `seal` took. by_person: somebody looks, and these keys stay open for a while longer.

        Raises Refused `private-locked`; SealBroken for what these keys do not open.
        """
        halves = self._open_halves()
        if not halves:
            raise error("private-locked")
        if by_person:
            self._used_at = self._clock()
        key = halves.get(sealed[0]) if sealed else None
        if key is None:
            raise SealBroken
        try:
            padded = _SUITE.decrypt(sealed[1:], key, info=_INFO + context)
        except (InvalidTag, ValueError):
            raise SealBroken from None
        return padded[4 : 4 + int.from_bytes(padded[:4], "big")]

    def is_old(self, sealed: bytes) -> bool:
        """Whether a newer key would seal this."""
        return bool(self._public) and sealed[:1] != bytes([max(self._public)])

    def lock(self) -> None:
        """Nothing opens here until somebody unlocks."""
        self._private = {}

    def unlock(self, passphrase: str) -> None:
        """Reports can be read here. Takes a moment of a core and 64 MiB: call it in a thread.

        Raises Refused `wrong-passphrase`, `not-allowed` (nothing to unlock); KeyFileError.
        """
        with self._turn:
            self._take(self._open_file(passphrase))

    def choose(self, passphrase: str) -> None:
        """The first passphrase: seals what lay in clear, makes a new pair, and unlocks. In a thread, as `unlock`.

        Raises Refused `not-allowed` where there is one, Malformed `short-passphrase`.
        """
        check_passphrase(passphrase)
        with self._turn:
            if self.state not in ("none", "clear"):
                raise error("not-allowed", "there is a passphrase already")
            clear = self._data / CLEAR_FILE
            keys = _load(clear) if clear.exists() else {}
            if len(keys) >= 255:
                raise error("not-allowed", "too many keys")
            keys[max(keys, default=0) + 1] = X25519PrivateKey.generate().private_bytes_raw()
            file = seal_keys(keys, passphrase, cost=self._cost)
            write_once(self._data / SEALED_FILE, lambda: file)
            # Read back: of two that chose at once, the one whose file stayed goes on, and nothing is deleted unread.
            self._take(self._open_file(passphrase))

    def change(self, current: str, passphrase: str) -> None:
        """Another passphrase, and unlocked. In a thread, as `unlock`.

        Raises Refused `wrong-passphrase`, `not-allowed` (there is none yet), Malformed `short-passphrase`.
        """
        check_passphrase(passphrase)
        with self._turn:
            keys = self._open_file(current)
            replace_file(self._data / SEALED_FILE, seal_keys(keys, passphrase, cost=self._cost))
            self._take(keys)

    def _newest(self) -> tuple[int, X25519PublicKey]:
        public = self._public
        if not public and (self._data / PUBLIC_FILE).exists():  # chosen at the command line beside this server
            public = self._public = _load(self._data / PUBLIC_FILE)
        if not public:
            raise error("reports-closed")
        newest = max(public)
        return newest, X25519PublicKey.from_public_bytes(public[newest])

    def _open_halves(self) -> _Private:
        """The private halves, unless they were idle for too long."""
        if self._private and self._clock() - self._used_at >= IDLE_S:
            self._private = {}
        return self._private

    def _open_file(self, passphrase: str) -> dict[int, bytes]:
        path = self._data / SEALED_FILE
        try:
            _check_mode(path)
            return open_keys(path.read_bytes(), passphrase)
        except WrongPassphrase:
            raise error("wrong-passphrase") from None
        except FileNotFoundError:
            raise error("not-allowed", "no sealed key is on this server") from None
        except ValueError:
            raise KeyFileError(f"{path.name} is not a key file") from None

    def _take(self, keys: Mapping[int, bytes]) -> None:
        """These private halves are in use; what the files beside say is made to agree."""
        public = _public_of(keys)
        path = self._data / PUBLIC_FILE
        if not path.exists() or _load(path) != public:
            replace_file(path, _encode(public))
        self._public = public
        clear = self._data / CLEAR_FILE
        if clear.exists() and _load(clear).items() <= keys.items():
            delete_file(clear)
        self._private = {number: X25519PrivateKey.from_private_bytes(key) for number, key in keys.items()}
        self._used_at = self._clock()


def check_passphrase(passphrase: str) -> None:
    """Raises Malformed `short-passphrase`."""
    if len(passphrase) < PASSPHRASE_CHARACTERS:
        raise error("short-passphrase")


def _public_of(private: Mapping[int, bytes]) -> dict[int, bytes]:
    public = (X25519PrivateKey.from_private_bytes(key).public_key() for key in private.values())
    return {number: key.public_bytes_raw() for number, key in zip(private, public, strict=True)}


def _encode(keys: Mapping[int, bytes]) -> bytes:
    content = _KeyFile(version=1, keys={number: key.hex() for number, key in keys.items()})
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _check_mode(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path.name} can be read by others; it must have mode 0600")


def _load(path: Path) -> dict[int, bytes]:
    _check_mode(path)
    try:
        keys = msgspec.json.decode(path.read_bytes(), type=_KeyFile).keys
        parsed = {number: bytes.fromhex(text) for number, text in keys.items()}
    except (msgspec.MsgspecError, ValueError):
        raise KeyFileError(f"{path.name} is not a key file") from None
    if not parsed or any(len(key) != 32 or not 0 <= number <= 255 for number, key in parsed.items()):
        raise KeyFileError(f"{path.name} is not a key file")
    return parsed
