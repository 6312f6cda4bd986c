"""Signed notes and checkpoints: byte for byte as others write them, and nothing else is taken."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol.errors import LocalProtocolError, Malformed
from zajil.protocol.tlog.checkpoint import (
    SIGNATURES,
    Checkpoint,
    NoteKey,
    open_checkpoint,
    open_note,
    parse_key,
    sign_checkpoint,
)

VECTORS = json.loads((Path(__file__).resolve().parents[3] / "vectors" / "tlog.json").read_text(encoding="utf-8"))
NOTE = VECTORS["note"]
SIGNED = (NOTE["text"] + "\n" + NOTE["signature"]).encode()
ORIGIN = "talk.example/moderation"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = NoteKey(ORIGIN, KEY.public_key().public_bytes_raw())
HEAD = Checkpoint(ORIGIN, 20852163, bytes(range(32)))


@pytest.mark.vectors
def test_the_note_of_the_go_implementation_opens_and_its_key_reads() -> None:
    key = parse_key(NOTE["key"])
    assert key.name == "PeterNeumann"
    assert key.key_id.hex() == "c74f20a3"
    assert key.text() == NOTE["key"]
    assert open_note(SIGNED, [key]).decode() == NOTE["text"]


@pytest.mark.vectors
def test_our_signature_has_the_bytes_of_the_go_implementation() -> None:
    """Ed25519 is deterministic, so the same key over the same text is the same line."""
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(NOTE["seed"]))
    key = NoteKey("PeterNeumann", private.public_key().public_bytes_raw())
    blob = key.key_id + private.sign(NOTE["text"].encode())
    assert f"\N{EM DASH} PeterNeumann {base64.b64encode(blob).decode()}\n" == NOTE["signature"]


@pytest.mark.vectors
@pytest.mark.parametrize("example", VECTORS["examples"], ids=lambda e: e["source"])
def test_our_text_of_the_specs_example_is_the_specs(example: dict[str, str]) -> None:
    text, _, _ = example["note"].partition("\n\n")
    origin, size, root = text.split("\n")
    assert Checkpoint(origin, int(size), base64.b64decode(root)).text().decode() == text + "\n"
    with pytest.raises(Malformed, match="without a known signature"):
        open_checkpoint(example["note"].encode(), [PUBLIC], origin=origin)


def test_a_checkpoint_comes_back() -> None:
    note = sign_checkpoint(HEAD, KEY)
    assert open_checkpoint(note, [PUBLIC], origin=ORIGIN) == HEAD
    assert open_checkpoint(note, [parse_key(NOTE["key"]), PUBLIC], origin=ORIGIN) == HEAD
    assert parse_key(PUBLIC.text()) == PUBLIC
    empty = Checkpoint(ORIGIN, 0, bytes(32))
    assert open_checkpoint(sign_checkpoint(empty, KEY), [PUBLIC], origin=ORIGIN) == empty


def test_every_flipped_bit_is_found() -> None:
    note = sign_checkpoint(HEAD, KEY)
    for at in range(len(note)):
        for bit in range(8):
            spoiled = bytearray(note)
            spoiled[at] ^= 1 << bit
            with pytest.raises(Malformed):
                open_checkpoint(bytes(spoiled), [PUBLIC], origin=ORIGIN)


def test_other_logs_other_keys_and_cut_notes_are_refused() -> None:
    note = sign_checkpoint(HEAD, KEY)
    other = NoteKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw())
    for keys, origin in (([PUBLIC], "talk.example/keys"), ([other], ORIGIN), ([], ORIGIN)):
        with pytest.raises(Malformed, match="bad-signature"):
            open_checkpoint(note, keys, origin=origin)
    for end in range(len(note)):
        with pytest.raises(Malformed, match="bad-signature"):
            open_checkpoint(note[:end], [PUBLIC], origin=ORIGIN)


def sign_text(text: str) -> bytes:
    blob = base64.b64encode(PUBLIC.key_id + KEY.sign(text.encode())).decode()
    return f"{text}\n\N{EM DASH} {ORIGIN} {blob}\n".encode()


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n1\n",
        f"{ORIGIN}\n01\n{ROOT}\n",
        f"{ORIGIN}\n-1\n{ROOT}\n",
        f"{ORIGIN}\n+1\n{ROOT}\n",
        f"{ORIGIN}\n١\n{ROOT}\n",
        f"{ORIGIN}\n9223372036854775808\n{ROOT}\n",
        f"{ORIGIN}\n1\n{ROOT[:-4]}\n",
        f"{ORIGIN}\n1\n{ROOT[:-2]}B=\n",
        f"{ORIGIN}\n1\n\n{ROOT}\n",
        f"{ORIGIN}\n1\n{ROOT}\nextension\n\nmore\n",
    ],
)
def test_signed_or_not_a_checkpoint_has_one_form(text: str) -> None:
    with pytest.raises(Malformed, match="bad-signature"):
        open_checkpoint(sign_text(text), [PUBLIC], origin=ORIGIN)


def test_extension_lines_and_strangers_signatures_are_passed_over() -> None:
    note = sign_text(f"{ORIGIN}\n1\n{ROOT}\nextension\n")
    assert open_checkpoint(note, [PUBLIC], origin=ORIGIN) == Checkpoint(ORIGIN, 1, bytes(32))
    stranger = f"\N{EM DASH} witness.example {base64.b64encode(bytes(76)).decode()}\n".encode()
    signed = sign_checkpoint(HEAD, KEY)
    assert open_checkpoint(signed + stranger, [PUBLIC], origin=ORIGIN) == HEAD
    assert open_checkpoint(signed + stranger * 15, [PUBLIC], origin=ORIGIN) == HEAD
    with pytest.raises(Malformed, match="bad-signature"):
        open_checkpoint(signed + stranger * SIGNATURES, [PUBLIC], origin=ORIGIN)


def test_a_known_key_that_does_not_verify_refuses_the_note() -> None:
    spoiled = f"\N{EM DASH} {ORIGIN} {base64.b64encode(PUBLIC.key_id + bytes(64)).decode()}\n".encode()
    with pytest.raises(Malformed, match="bad-signature"):
        open_checkpoint(sign_checkpoint(HEAD, KEY) + spoiled, [PUBLIC], origin=ORIGIN)


@pytest.mark.parametrize(
    "text", ["", "name", "name+00000000+", "a b+c74f20a3+ARpc", NOTE["key"][:-4], NOTE["key"] + "="]
)
def test_a_key_has_one_text(text: str) -> None:
    with pytest.raises(Malformed):
        parse_key(text)


def test_a_key_of_another_id_is_refused() -> None:
    with pytest.raises(Malformed, match="another id"):
        parse_key(NOTE["key"].replace("c74f20a3", "c74f20a4"))


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\nbreak", "nul\0"])
def test_origins_that_would_not_read_back_are_our_own_mistake(origin: str) -> None:
    with pytest.raises(LocalProtocolError):
        sign_checkpoint(Checkpoint(origin, 1, bytes(32)), KEY)


@pytest.mark.fuzz
@given(st.binary(max_size=300))
def test_hostile_bytes_are_refused_and_no_more(note: bytes) -> None:
    with pytest.raises(Malformed):
        open_note(note, [PUBLIC])
