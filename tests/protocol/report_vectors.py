"""Prints vectors/report.json: `python -m tests.protocol.report_vectors > vectors/report.json`.

Genuine items of one sender, and forgeries of each kind with the check that must name them. Keys are hashes of names,
so the file is the same every time.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.protocol import cbor, control
from zajil.protocol.chat import content, forms, mentions
from zajil.protocol.chat.content import MimiContent, NullPart
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import DeviceCertificate, DeviceList, DeviceListEntry
from zajil.protocol.ids import AccountId, DeviceId, GroupId, MessageId
from zajil.protocol.report import franking, proofs
from zajil.protocol.report.proofs import Check, Proof

SERVER: Final = "home.example"
NOW_MS: Final = 1_800_000_000_000
DAY_MS: Final = franking.DAY_MS
MASTER: Final = hashlib.sha256(b"zajil report vector frank master").digest()
Json: TypeAlias = Any  # JSON of many shapes


def secret(name: str) -> bytes:
    return hashlib.sha256(b"zajil report vector " + name.encode()).digest()


def key_of(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret(name))


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


GID: Final = GroupId(secret("group")[:16])
OTHER_GID: Final = GroupId(secret("other group")[:16])


@dataclass
class Author:
    """An account with devices 1 and 2 and the lists it signed; `remove` drops one from the newest."""

    name: str
    lists: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seed = key_of(f"{self.name} account")
        self.account = objects.account_id_of(public(self.seed))
        self.put_list((1, 2), issued=1_000)

    def device_key(self, device: int) -> Ed25519PrivateKey:
        return key_of(f"{self.name} device {device}")

    def put_list(self, devices: Sequence[int], *, issued: int) -> None:
        prev = objects.hash_object(self.lists[-1]) if self.lists else objects.NO_LIST
        entries = tuple(DeviceListEntry(DeviceId(n), public(self.device_key(n)), 1_000) for n in devices)
        seq = len(self.lists) + 1
        made = DeviceList(self.account, seq, prev, public(self.seed), entries, issued)
        self.lists.append(objects.sign_object(objects.Kind.DEVICE_LIST, made.encode(), self.seed))

    def certificate(self, device: int, *, signer: Ed25519PrivateKey | None = None) -> bytes:
        key = public(self.device_key(device))
        made = DeviceCertificate(self.account, public(self.seed), DeviceId(device), key, 1, 1_000)
        return objects.sign_object(objects.Kind.CERTIFICATE, made.encode(), signer or self.seed)

    def parsed_lists(self) -> list[DeviceList]:
        return [DeviceList.parse(objects.parse_object(data).payload) for data in self.lists]

    def write(
        self,
        form: forms.Text | forms.Files | forms.Edit | forms.Reaction | forms.Deletion,
        *,
        device: int = 1,
        gid: GroupId = GID,
        sent: int = NOW_MS - DAY_MS,
        salt: str = "salt",
    ) -> bytes:
        marks: dict[cbor.Key, cbor.Value] = {
            content.SENDER_URI: content.sender_uri(SERVER, AccountId(self.account)),
            content.ROOM_URI: content.room_uri(SERVER, gid),
            content.DEVICE_ID: device,
            content.SENT_MS: sent,
        }
        blank = MimiContent(secret(salt)[:16], NullPart(), extensions=marks)
        return content.encode_content(forms.encode_form(form, blank))

    def proof(self, data: bytes, *, device: int = 1, gid: GroupId = GID, epoch: int = 7, ts: int = 0) -> Proof:
        """What a receiver keeps of this content, sent by this device and taken by the server at `ts`."""
        tag = tag_of(data)
        sig = self.device_key(device).sign(content.report_tbs(tag, gid, epoch))
        return frank(Proof(data, sig, epoch, gid, ts or NOW_MS - DAY_MS + 1_500, None, self.certificate(device)))


def tag_of(data: bytes) -> bytes:
    return content.content_tag(content.parse_content(data).salt, data)


def frank(proof: Proof, *, master: bytes = MASTER) -> Proof:
    """With the mark of the server that holds this master key."""
    day_key = franking.derive_day_key(master, franking.frank_day(proof.ts))
    made = franking.make_frank(day_key, tag=tag_of(proof.content), gid=proof.gid, ts=proof.ts)
    return replace(proof, frank=made)


OMAR: Final = Author("omar")
RITA: Final = Author("rita")
"""Who reports; what she can sign and send herself must prove nothing of Omar."""
MENTION: Final = mentions.encode_mention(SERVER, RITA.account, "Rita [r]")
TARGET: Final = MessageId(b"\x01" + secret("target")[:31])


def genuine() -> dict[str, Proof]:
    """Items that prove something, by name."""
    text, edit = OMAR.write(forms.Text("I will find you. سأجدك. Я тебя найду.")), forms.Edit(TARGET, "kind words")
    return {
        "text": OMAR.proof(text),
        "edit": OMAR.proof(OMAR.write(edit, salt="edit")),
        "mention": OMAR.proof(OMAR.write(forms.Text(f"{MENTION} pays"), salt="mention"), device=1),
        "second-device": OMAR.proof(OMAR.write(forms.Text("from my laptop"), device=2), device=2),
        "last-day": OMAR.proof(text, ts=NOW_MS - franking.FRANK_DAYS * DAY_MS),
    }


def forgeries() -> Iterator[tuple[str, Check, Proof]]:
    """Name, the check that must refuse it, item."""
    held = genuine()
    text, other = held["text"], OMAR.write(forms.Text("harmless"), salt="harmless")
    edited = text.content.replace(b"find", b"kill")
    yield "edited content", "signature", replace(text, content=edited)
    yield "edited content, franked anew by the reporter", "signature", frank(replace(text, content=edited))
    yield "time shift forward", "frank", replace(text, ts=text.ts + 1)
    yield "time shift back", "frank", replace(text, ts=text.ts - DAY_MS)
    yield "time shift behind the last day", "age", replace(text, ts=text.ts - 200 * DAY_MS)
    yield "time far beyond", "frank", replace(text, ts=(1 << 63) - 1)
    yield "moved to another group", "group", replace(text, gid=OTHER_GID)
    yield "moved to another group, franked there", "group", frank(replace(text, gid=OTHER_GID))
    moved = OMAR.write(forms.Text("I will find you. سأجدك. Я тебя найду."), gid=OTHER_GID)
    yield "rewritten for another group", "signature", frank(replace(text, content=moved, gid=OTHER_GID))
    yield "another epoch", "signature", replace(text, epoch=8)
    yield "content of another sender", "sender", replace(text, content=RITA.write(forms.Text("mine")))
    framed = RITA.proof(OMAR.write(forms.Text("words he never wrote"), salt="framed"))
    yield "written and signed by the reporter in his name", "sender", framed
    yield "the same with his certificate", "signature", replace(framed, cert=OMAR.certificate(1))
    yield "signature of another message", "signature", frank(replace(text, content=other))
    yield "mark made by the reporter", "frank", frank(text, master=secret("rita's master"))
    yield "mark of another message", "frank", replace(text, frank=held["edit"].frank)
    yield "no mark", "frank", replace(text, frank=None)
    yield "a mark of zeros", "frank", replace(text, frank=bytes(32))
    yield "too old", "age", OMAR.proof(text.content, ts=NOW_MS - (franking.FRANK_DAYS + 1) * DAY_MS)
    yield "certificate of somebody else", "sender", replace(text, cert=RITA.certificate(1))
    yield "certificate of another device", "sender", replace(text, cert=OMAR.certificate(2))
    forged = OMAR.certificate(1, signer=RITA.seed)
    yield "certificate signed by another account key", "certificate", replace(text, cert=forged)
    yield "no certificate", "certificate", replace(text, cert=b"")
    yield "account key that is not the account's", "account", replace(text, cert=_foreign_key_certificate())
    yield "account that is not here", "account", _stranger().proof(_stranger().write(forms.Text("unknown")))
    yield "device that was never listed", "device", OMAR.proof(OMAR.write(forms.Text("ghost"), device=3), device=3)
    yield "reaction", "content", OMAR.proof(OMAR.write(forms.Reaction(TARGET, "👍"), salt="reaction"))
    yield "deletion", "content", OMAR.proof(OMAR.write(forms.Deletion(TARGET), salt="deletion"))
    yield "no time of the sender", "content", OMAR.proof(OMAR.write(forms.Text("never"), sent=-1, salt="never"))
    yield "no content", "content", replace(text, content=b"\x80")


def _foreign_key_certificate() -> bytes:
    """Omar's id, device and leaf key under an account key that Rita made."""
    key = public(OMAR.device_key(1))
    made = DeviceCertificate(OMAR.account, public(RITA.seed), DeviceId(1), key, 1, 1_000)
    return objects.sign_object(objects.Kind.CERTIFICATE, made.encode(), RITA.seed)


def _stranger() -> Author:
    return Author("stranger")


def lists_of(account: bytes) -> list[DeviceList]:
    """What the server stores of an account; nothing of strangers."""
    return next((each.parsed_lists() for each in (OMAR, RITA) if each.account == account), [])


def frank_keys(day: int) -> tuple[bytes, ...]:
    return (franking.derive_day_key(MASTER, day),)


def shown(proof: Proof) -> Json:
    """An item as the file has it."""
    return {
        "content": proof.content.hex(),
        "sig": proof.sig.hex(),
        "epoch": proof.epoch,
        "gid": proof.gid.hex(),
        "ts": str(proof.ts),
        "frank": None if proof.frank is None else proof.frank.hex(),
        "cert": proof.cert.hex(),
    }


def as_item(proof: Proof) -> control.ReportItem:
    """An item as the call has it."""
    mark = None if proof.frank is None else control.B32(proof.frank)
    head = control.Blob(proof.content), control.B64(proof.sig), proof.epoch, control.B16(proof.gid)
    return control.ReportItem(*head, proof.ts, mark, control.Blob(proof.cert))


def make() -> Mapping[str, Json]:
    """The file."""
    items = []
    for name, proof in genuine().items():
        form, text, sent = proofs.read_message(content.parse_content(proof.content), server_name=SERVER)
        read = {"form": form, "text": text, "sent": sent}
        day = franking.frank_day(proof.ts)
        key = franking.derive_day_key(MASTER, day).hex()
        items.append(
            {"name": name, **shown(proof), "tag": tag_of(proof.content).hex(), "day": day, "key": key, "read": read}
        )
    chosen = [genuine()[name] for name in ("text", "edit")]
    request = control.MakeReport(
        "harassment", tuple(as_item(each) for each in chosen), "daily. كل يوم", complaint=False
    )
    return {
        "source": "protocol/report by tests/protocol/report_vectors.py; bytes as hex, ts as decimal text",
        "server_name": SERVER,
        "now_ms": NOW_MS,
        "frank_master": MASTER.hex(),
        "lists": [data.hex() for data in OMAR.lists],
        "items": items,
        "refused": [{"name": name, "check": check, **shown(proof)} for name, check, proof in forgeries()],
        "request": {
            "reason": "harassment",
            "note": "daily. كل يوم",
            "complaint": False,
            "items": ["text", "edit"],
            "json": control.encode_json(request).decode(),
            "proof_hash": proofs.hash_proofs(chosen).hex(),
        },
    }


def render() -> str:
    return json.dumps(make(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
