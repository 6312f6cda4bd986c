"""Writes vectors/hpke/xwing.json: `python -m tests.interop.make_vectors` from the project root, with Node installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.interop.node import ROOT, build_peer
from tests.interop.ts_mls import Peer

from zajil.mls.primitives import hpke
from zajil.mls.primitives.suites import XWING

IKMS = (b"\x11" * 64, bytes(range(64)), b"\x00" * 32, b"zajil" * 20)
PLAINTEXTS = (b"", b"one path secret".ljust(64, b"."), bytes(300))


def write(path: Path, document: dict[str, Any]) -> None:  # Any: JSON
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def xwing(peer: Peer) -> dict[str, Any]:  # Any: JSON
    """Key derivation by both sides, and what each side sealed."""
    derived, sealed = [], []
    for ikm in IKMS:
        theirs = peer.call("xwing_derive", data=ikm)
        secret, public = hpke.derive_key_pair(XWING, ikm)
        assert (secret.hex(), public.hex()) == (theirs["secret"], theirs["key"])
        derived.append({"ikm": ikm.hex(), "secret": secret.hex(), "public": public.hex()})
    for ikm, plaintext in zip(IKMS, PLAINTEXTS, strict=False):
        secret, public = hpke.derive_key_pair(XWING, ikm)
        info = b"MLS 1.0 UpdatePathNode" + ikm[:4]
        enc, ciphertext = hpke.seal(XWING, public, info=info, plaintext=plaintext, rng=bytes)
        theirs = peer.call("xwing_seal", key=public, info=info, data=plaintext)
        row = {"secret": secret.hex(), "info": info.hex(), "plaintext": plaintext.hex()}
        sealed.append({"by": "zajil.mls over pyca", **row, "enc": enc.hex(), "ciphertext": ciphertext.hex()})
        row |= {"enc": theirs["enc"], "ciphertext": theirs["data"]}
        sealed.append({"by": "@hpke/hybridkem-x-wing 0.7.0", **row})
    return {
        "source": "tests/interop/make_vectors.py: zajil.mls over pyca 50 and @hpke/hybridkem-x-wing 0.7.0",
        "about": "HPKE base mode, KEM X-Wing 0x647A, HKDF-SHA512, AES-256-GCM, empty AAD; bytes are hex",
        "derive": derived,
        "sealed": sealed,
    }


def main() -> None:
    with Peer(build_peer(raw=False)) as peer:
        write(ROOT / "vectors" / "hpke" / "xwing.json", xwing(peer))


if __name__ == "__main__":
    main()
