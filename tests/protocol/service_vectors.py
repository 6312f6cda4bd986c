"""Builds vectors/service/*.json: the formats Python and TypeScript must agree on byte for byte.

`python -m tests.protocol.service_vectors` writes them; test_service_vectors.py compares. Everything derives from fixed
seeds, so a difference is a change of format: it needs a reason and the other language.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.protocol import expiry_vectors, gate_vectors, search_vectors
from tests.protocol.groups_vectors import build_groups
from tests.protocol.names_vectors import build_names
from tests.protocol.successors_vectors import build_successors

from zajil.protocol import attachments, cbor, frames, records, roster
from zajil.protocol.chat import aad, arranging, content, extensions, files, forms, looks, mentions, parts, receipts
from zajil.protocol.contacts import requests, usernames
from zajil.protocol.errors import ZajilError
from zajil.protocol.history import archive
from zajil.protocol.identity import backup, linking, links, objects, recovery, safety
from zajil.protocol.ids import AccountId, DeviceId, GroupId, MessageId, Mid, client_id, encode_b64
from zajil.protocol.public.handles import skeleton
from zajil.protocol.reach.endpoints import PrivateBridges, encode_bridge_link
from zajil.protocol.session import wire

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "service"
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"
BY = "zajil, tests/protocol/service_vectors.py"


def seeded(name: str, size: int = 32) -> bytes:
    """Bytes that look random and are the same everywhere: SHA-256 in counter mode over the name."""
    blocks = (hashlib.sha256(f"zajil vectors/{name}/{at}".encode()).digest() for at in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def signer(name: str) -> tuple[Ed25519PrivateKey, bytes]:
    key = Ed25519PrivateKey.from_private_bytes(seeded(name))
    return key, key.public_key().public_bytes_raw()


ACCOUNT, ACCOUNT_PUB = signer("account")
NEXT_ACCOUNT, NEXT_ACCOUNT_PUB = signer("next account")
DEVICE, DEVICE_PUB = signer("device")
DEVICE2_PUB = signer("device 2")[1]
ACCOUNT_ID = objects.account_id_of(ACCOUNT_PUB)
GID = GroupId(seeded("group", 16))
SALT = seeded("salt", 16)
ISSUED = 1_790_000_000


def build_cbor() -> Json:
    good: list[cbor.Value] = [0, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 64) - 1]
    good += [-1, -24, -25, -256, -257, -(1 << 64), b"", bytes(24), "", "زاجل", "голубь", "🕊", True, False, None]
    good += [[], [[], [1, [b""]]], {}, {24: 1, -1: 2}, {"b": 1, "a": 2, 10: 3, b"k": 4, -1: 5, 100: 6, "aa": 7}]
    bad = {
        "number not shortest": "1800 1817 190018 1a0000ffff 1b00000000ffffffff 5800 7801 9800 b800",
        "indefinite length": "5fff 7fff 9fff bfff 9f01ff",
        "tag": "c000 c24101 d8640a d9d9f700",
        "float or simple": "f93c00 fa3f800000 fb3ff0000000000000 f7 e0 f820 f817 ff",
        # Keys 24 and -1 are encoded 1818 and 20: bytewise 24 goes first, by length (RFC 7049) -1 would.
        "map keys length first": "a22001181802",
        "map key twice": "a201000100",
        "map key of another kind": "a18000 a1f500 a1f600 a1a000",
        "not UTF-8": "61ff 62c328 63eda080",
        "ends early": "18 41 6261 81 a1 a101 5bffffffffffffffff 9bffffffffffffffff bbffffffffffffffff",
        "trailing bytes": "0000 f6f6",
        "nested too deep": "81" * 17 + "00",
        "empty": "",
    }
    refused: list[Json] = [{"about": about, "hex": one} for about, many in bad.items() for one in many.split(" ")]
    return {"source": f"{BY}; RFC 8949 4.2.1", "values": [cbor.encode(v).hex() for v in good], "refused": refused}


def first_list() -> tuple[objects.DeviceList, bytes]:
    entry = objects.DeviceListEntry(DeviceId(1), DEVICE_PUB, ISSUED)
    first = objects.DeviceList(ACCOUNT_ID, 1, objects.NO_LIST, ACCOUNT_PUB, (entry,), ISSUED)
    return first, objects.sign_object(objects.Kind.DEVICE_LIST, first.encode(), ACCOUNT)


def second_list() -> bytes:
    first, data = first_list()
    added = objects.DeviceListEntry(DeviceId(2), DEVICE2_PUB, ISSUED + 60, objects.Role.LIMITED)
    devices = (*first.devices, added)
    second = objects.DeviceList(ACCOUNT_ID, 2, objects.hash_object(data), ACCOUNT_PUB, devices, ISSUED + 60)
    return objects.sign_object(objects.Kind.DEVICE_LIST, second.encode(), ACCOUNT)


def rotated_list() -> bytes:
    devices = (objects.DeviceListEntry(DeviceId(1), DEVICE_PUB, ISSUED),)
    prev = objects.hash_object(second_list())
    third = objects.DeviceList(ACCOUNT_ID, 3, prev, NEXT_ACCOUNT_PUB, devices, ISSUED + 120)
    return objects.sign_object(objects.Kind.DEVICE_LIST, third.encode(), NEXT_ACCOUNT, old_signer=ACCOUNT)


def certificate() -> bytes:
    made = objects.DeviceCertificate(ACCOUNT_ID, ACCOUNT_PUB, DeviceId(1), DEVICE_PUB, 1, ISSUED)
    return objects.sign_object(objects.Kind.CERTIFICATE, made.encode(), ACCOUNT)


def beyond_javascript() -> dict[str, bytes]:
    """Payloads with a number that Python counts and JavaScript does not: whoever passes in one alone splits a group."""
    beyond = 1 << 53
    first = first_list()[0]
    entry = replace(first.devices[0], added=beyond)
    made = objects.DeviceCertificate(ACCOUNT_ID, ACCOUNT_PUB, DeviceId(1), DEVICE_PUB, 1, beyond)
    return {
        "certificate": made.encode(),
        "list issued": replace(first, issued=beyond).encode(),
        "list added": replace(first, devices=(entry,)).encode(),
    }


def build_objects() -> Json:
    login = objects.Login("home.example", seeded("nonce"), ACCOUNT_ID, DeviceId(1))
    chain = [first_list()[1], second_list(), rotated_list()]
    return {
        "source": BY,
        "account_seed": seeded("account").hex(),
        "account_pub": ACCOUNT_PUB.hex(),
        "account_id": ACCOUNT_ID.hex(),
        "account_id_text": encode_b64(ACCOUNT_ID),
        "device_seed": seeded("device").hex(),
        "device_pub": DEVICE_PUB.hex(),
        "client_id": client_id(ACCOUNT_ID, DeviceId(1)).hex(),
        "certificate": certificate().hex(),
        "lists": [data.hex() for data in chain],
        "list_hashes": [objects.hash_object(data).hex() for data in chain],
        "login": objects.sign_object(objects.Kind.LOGIN, login.encode(), DEVICE).hex(),
        "refused": {about: payload.hex() for about, payload in beyond_javascript().items()},
    }


def build_roster() -> Json:
    gs, nonce = seeded("group secret"), seeded("roster nonce", 12)
    entries = [roster.RosterEntry(leaf, seeded(f"ref {leaf}", 54)) for leaf in (0, 1, 5)]
    key = roster.roster_key(gs)
    return {
        "source": f"{BY}; RFC 5869",
        "group_secret": gs.hex(),
        "roster_key": key.hex(),
        "gid": GID.hex(),
        "epoch": 7,
        "nonce": nonce.hex(),
        "entries": [[entry.leaf, entry.deliver_to.hex()] for entry in entries],
        "sealed": roster.seal_roster(key, GID, 7, entries, nonce=nonce).hex(),
    }


def build_aad() -> Json:
    refs = [seeded("ref 1", 54), seeded("ref 5", 54)]
    commit = aad.CommitAad((1, 5), (2, 300), True, aad.hash_refs(refs))
    return {
        "source": BY,
        "application": {"tag": seeded("tag").hex(), "aad": aad.ApplicationAad(seeded("tag")).encode().hex()},
        "commit": {
            "added": [1, 5],
            "removed": [2, 300],
            "rotate": True,
            "refs": [ref.hex() for ref in refs],
            "refs_hash": commit.refs_hash.hex(),
            "aad": commit.encode().hex(),
        },
    }


def build_content() -> Json:
    sender, room = content.sender_uri("home.example", ACCOUNT_ID), content.room_uri("home.example", GID)
    marks: dict[cbor.Key, cbor.Value] = {content.SENDER_URI: sender, content.ROOM_URI: room}
    marks |= {content.DEVICE_ID: 1, content.SENT_MS: ISSUED * 1000, content.LIST_GOSSIP: [1, seeded("list hash")]}
    text = "سلام · привет · 🕊"
    data = content.encode_content(content.text_content(text, salt=SALT, extensions=marks))
    tag = content.content_tag(SALT, data)
    tbs = content.report_tbs(tag, GID, 7)
    return {
        "source": f"{BY}; draft-ietf-mimi-content-08 3.3, draft-ietf-mls-extensions (safe application interface)",
        "server_name": "home.example",
        "account_id": ACCOUNT_ID.hex(),
        "gid": GID.hex(),
        "salt": SALT.hex(),
        "text": text,
        "content": data.hex(),
        "message_id": content.message_id(data, sender=sender, room=room, salt=SALT).hex(),
        "tag": tag.hex(),
        "epoch": 7,
        "report_tbs": tbs.hex(),
        "sig": DEVICE.sign(tbs).hex(),
        "plaintext": content.encode_application(data, DEVICE.sign(tbs)).hex(),
        "pad_to": [[size, content.pad_to(size)] for size in (0, 704, 705, 3776, 3777, 16064, 16065, 69120)],
        "forms": build_forms(),
        "mentions": build_mentions(),
        "emoji": {"one": list(EMOJI.split(" ")), "none": list(NO_EMOJI)},
    }


TARGET = MessageId(b"\x01" + seeded("target", 31))
QUOTED = MessageId(b"\x01" + seeded("quoted", 31))
REACTION_ID = MessageId(b"\x01" + seeded("reaction", 31))
CALL_ID = seeded("call", 16)


def blank_content() -> content.MimiContent:
    sender, room = content.sender_uri("home.example", ACCOUNT_ID), content.room_uri("home.example", GID)
    marks: dict[cbor.Key, cbor.Value] = {content.SENDER_URI: sender, content.ROOM_URI: room}
    marks |= {content.DEVICE_ID: 1, content.SENT_MS: ISSUED * 1000}
    return content.MimiContent(SALT, content.NullPart(), extensions=marks)


def build_forms() -> Json:
    """Each form of content, and what is refused or not understood."""
    told = ((TARGET, receipts.Status.DELIVERED), (QUOTED, receipts.Status.READ))
    every: list[tuple[forms.Form, dict[str, Json]]] = [
        (forms.Text("hi"), {"text": "hi", "reply_to": None}),
        (forms.Text("hi", QUOTED), {"text": "hi", "reply_to": QUOTED.hex()}),
        (forms.Edit(TARGET, "ho"), {"target": TARGET.hex(), "text": "ho", "reply_to": None}),
        (forms.Edit(TARGET, "ho", QUOTED), {"target": TARGET.hex(), "text": "ho", "reply_to": QUOTED.hex()}),
        (forms.Deletion(TARGET), {"target": TARGET.hex(), "as_admin": False}),
        (forms.Deletion(TARGET, as_admin=True), {"target": TARGET.hex(), "as_admin": True}),
        (forms.Reaction(TARGET, "❤️"), {"target": TARGET.hex(), "emoji": "❤️"}),
        (forms.TakeBack(TARGET, REACTION_ID), {"target": TARGET.hex(), "reaction": REACTION_ID.hex()}),
        (forms.Receipts(told), {"receipts": [[identity.hex(), int(status)] for identity, status in told]}),
    ]
    logs = (("audio", "answered", 192), ("video", "missed", 0), ("audio", "declined", 0), ("audio", "busy", 0))
    for kind, outcome, seconds in (*logs, ("video", "failed", (1 << 32) - 1)):
        log = forms.CallLog(CALL_ID, kind, outcome, seconds)  # type: ignore[arg-type]  # words of a loop
        every.append((log, {"call": CALL_ID.hex(), "kind": kind, "outcome": outcome, "seconds": seconds}))
    found: list[Json] = []
    for form, fields in every:
        assert not isinstance(form, forms.Control | forms.Unsupported)
        made = forms.encode_form(form, blank_content())
        data = content.encode_content(made)
        named = content.message_id_of(made, data).hex()
        found.append({"form": type(form).__name__, **fields, "content": data.hex(), "message_id": named})
    return {"forms": found, "refused": build_refused_forms(), "unsupported": build_unsupported_forms()}


def call_log(**changes: cbor.Value) -> content.MimiContent:
    """A log of a call with some fields changed."""
    fields: dict[cbor.Key, cbor.Value] = {"c": CALL_ID, "kind": "audio", "outcome": "missed", "seconds": 0}
    data = cbor.encode(fields | dict(changes.items()))
    return replace(blank_content(), body=content.SinglePart(forms.CALL_LOG, data))


def build_refused_forms() -> Json:
    def reaction(data: bytes, target: MessageId | None = TARGET) -> content.MimiContent:
        return replace(
            blank_content(), body=content.SinglePart(forms.PLAIN, data, content.REACTION), in_reply_to=target
        )

    def statuses(value: cbor.Value) -> content.MimiContent:
        part = content.SinglePart(receipts.STATUS_TYPE, cbor.encode(value), content.UNSPECIFIED)
        return replace(blank_content(), body=part)

    cases: dict[str, content.MimiContent] = {
        "reaction to no message": reaction("🕊".encode(), None),
        "reaction of two emoji": reaction("🕊🕊".encode()),
        "reaction of a word": reaction(b"ok"),
        "reaction of nothing": reaction(b""),
        "reaction that is not UTF-8": reaction(b"\xff"),
        "reaction of thousands": reaction("🕊".encode() * 4000),
        "taken back from no message": replace(
            blank_content(), body=content.NullPart(content.REACTION), replaces=REACTION_ID
        ),
        "too many receipts": statuses([[TARGET, 1]] * (receipts.RECEIPTS + 1)),
        "receipt of a short id": statuses([[TARGET[:31], 1]]),
        "receipt without status": statuses([[TARGET]]),
        "receipts that are no list": statuses({1: 2}),
        "log of a call with a short id": call_log(c=CALL_ID[:15]),
        "log of a call of less than no time": call_log(seconds=-1),
        "log of a call of more than u32": call_log(seconds=1 << 32),
        "log of a call that is no map": replace(blank_content(), body=content.SinglePart(forms.CALL_LOG, b"\x80")),
        "text that is not UTF-8": replace(blank_content(), body=content.SinglePart(content.MARKDOWN, b"\xc3")),
    }
    return [{"about": about, "content": content.encode_content(made).hex()} for about, made in cases.items()]


def build_unsupported_forms() -> Json:
    cases: list[tuple[str, bool, content.MimiContent]] = [
        ("another type of text", True, replace(blank_content(), body=content.SinglePart("text/html", b"<b>"))),
        ("a sticker", True, replace(blank_content(), body=content.SinglePart("image/png", b"", content.INLINE))),
        ("a later kind of signal", False, replace(blank_content(), body=content.SinglePart("x/y", b"", 0))),
        ("nothing at all", False, blank_content()),
        ("a later outcome of a call", True, call_log(outcome="forwarded", by="someone")),
        ("a later kind of call", True, call_log(kind="hologram")),
        ("an edit into a log of a call", False, replace(call_log(), replaces=TARGET)),
        (
            "an edit into another kind",
            False,
            replace(blank_content(), body=content.SinglePart("text/html", b"<b>"), replaces=TARGET),
        ),
    ]
    return [
        {"about": about, "shown": shown, "content": content.encode_content(made).hex()} for about, shown, made in cases
    ]


EMOJI = "❤ ❤️ 👍 👍🏽 🕊️ 🇵🇸 1️⃣ #⃣ 👨‍👩‍👧‍👦 👩🏻‍❤️‍💋‍👨🏿 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏳️‍🌈 ☪️ ✅ 🫶🏿"
NO_EMOJI = ("", " ", "a", "1", "👍👍", "👍 ", "🇵", "‍", "️", "👍‍", "‍👍", "<b>", "\u202e👍", "👍́", "ا", "👍\n")


def build_mentions() -> Json:
    other = AccountId(seeded("other", 16))
    own, them = (f"mimi://home.example/u/{encode_b64(account)}" for account in (ACCOUNT_ID, other))
    texts = [
        f"hi [@Лейла]({own})!",
        f"[@A \\[b\\] \\\\c]({own}) [@🕊 x]({them})",
        f"🕊🕊 [@ليلى]({them}) و [@ليلى]({them})",
        f"[@A](mimi://other.example/u/{encode_b64(ACCOUNT_ID)})",
        f"[A]({own}) [@]({own}) [@a\nb]({own}) [@a]b]({own}) [@a]( {own})",
        f"[@A]({own[:-1]}) [@A]({own}x) [@A]({own[:-1]}_)",
        f"[@[@A]({own})]({them})",
        f"[@javascript:alert(1)]({own})<script>",
        "[@" * 50,
        f"[@A]({own})" * (mentions.MENTIONS + 2),
        f"\u202e[@\u202eA]({own})",
    ]
    members = [ACCOUNT_ID, other]
    found: list[Json] = []
    for text in texts:
        plain, named = mentions.parse_text(text, server_name="home.example", is_member=lambda one: one in members)
        ranges: list[Json] = [
            {
                "start": one.start,
                "end": one.end,
                "utf16": [len(plain[:at].encode("utf-16-le")) // 2 for at in (one.start, one.end)],
                "account": encode_b64(one.account),
            }
            for one in named
        ]
        found.append({"text": text, "plain": plain, "mentions": ranges})
    return {
        "server_name": "home.example",
        "members": [encode_b64(account) for account in members],
        "stranger": {
            "text": f"[@A](mimi://home.example/u/{encode_b64(AccountId(seeded('stranger', 16)))})",
        },
        "texts": found,
        "links": [
            {"name": name, "link": mentions.encode_mention("home.example", other, name)}
            for name in ("Omar", "a[b]c\\d", "نور", "🕊")
        ],
        "refused_names": ["", "  ", "a\nb", "x" * 257],
    }


def build_extensions() -> Json:
    settings = extensions.ChatSettings(
        extensions.ChatKind.GROUP, name="Голуби", roles={ACCOUNT_ID: extensions.ChatRole.OWNER}
    )
    known = {ACCOUNT_ID: extensions.Acquaintance("Лейла", seeded("contact token"))}
    share = extensions.GroupInfoShare(seeded("group secret"), (first_list()[1],), known)
    rotated = extensions.GroupInfoShare(None, (), {})
    # Keys 5, 9 and 100 are of later versions; a change of the name keeps them.
    later = cbor.encode({1: 1, 2: 2, 3: "Голуби", 5: [b"x"], 7: {ACCOUNT_ID: 2}, 9: None, 100: True})
    return {
        "source": BY,
        "chat_settings": settings.encode().hex(),
        "group_info_share": share.encode().hex(),
        "group_info_share_rotated": rotated.encode().hex(),
        "changed": {
            "before": later.hex(),
            "name": "حمام",
            "with_name": extensions.change_settings(later, name="حمام").hex(),
            "roles": {ACCOUNT_ID.hex(): 1, seeded("other", 16).hex(): 2},
            "timer": 86_400,
            "with_timer": extensions.change_settings(later, timer=86_400).hex(),
            "with_roles": extensions.change_settings(
                later,
                roles={
                    ACCOUNT_ID: extensions.ChatRole.ADMIN,
                    AccountId(seeded("other", 16)): extensions.ChatRole.OWNER,
                },
            ).hex(),
        },
    }


def every_setting() -> tuple[arranging.Setting, ...]:
    other, quoted = GroupId(seeded("other group", 16)), MessageId(seeded("quoted"))
    at = ISSUED * 1000
    values = [
        (GID, arranging.PIN, arranging.encode_pin(at)),
        (GID, arranging.ARCHIVE, arranging.encode_archive(None)),
        (GID, arranging.MUTE, arranging.encode_mute(arranging.ALWAYS)),
        (GID, arranging.DRAFT, arranging.encode_draft(arranging.Draft("غدًا؟", quoted))),
        (other, arranging.PIN, arranging.encode_pin(0)),
        (other, arranging.ARCHIVE, arranging.encode_archive(at - 5)),
        (other, arranging.MUTE, arranging.encode_mute(0)),
        (other, arranging.DRAFT, arranging.encode_draft(None)),
    ]
    return tuple(
        arranging.Setting(gid, which, arranging.Register(at + n, value)) for n, (gid, which, value) in enumerate(values)
    )


def build_arranging() -> Json:
    """Settings in an order of arrival and what holds then; parts that are refused; what is shown of registers."""
    rng = random.Random(7)
    draft: list[cbor.Value] = [None, ["x", None], ["y", None], ["", seeded("quoted")]]
    choices: dict[int, list[cbor.Value]] = {1: [0, 5, 6], 2: [None, 0, 50], 3: [0, 60, arranging.ALWAYS]}
    choices |= {4: [*draft]}
    gids = [GID, GroupId(seeded("other group", 16))]
    stories: list[Json] = []
    for _ in range(24):
        told = [
            arranging.Setting(
                rng.choice(gids),
                which := rng.randint(1, 4),
                arranging.Register(rng.randint(1, 4), cbor.encode(rng.choice(choices[which]))),
            )
            for _ in range(rng.randint(2, 12))
        ]
        held: dict[bytes, dict[int, arranging.Register]] = {gid: {} for gid in gids}
        for one in told:
            held[one.gid] = arranging.join(held[one.gid], {one.which: one.register})
        heard, now = rng.choice([0, 40, 55, 70]), rng.choice([30, 65])
        seen = {gid: arranging.read_registers(registers) for gid, registers in held.items()}
        stories.append(
            {
                "told": cbor.encode([arranging.setting_value(one) for one in told]).hex(),
                "heard": heard,
                "now": now,
                "held": [
                    {
                        "gid": gid.hex(),
                        "registers": {
                            str(which): [register.at, register.value.hex()]
                            for which, register in sorted(held[gid].items())
                        },
                        "pinned": seen[gid].pinned,
                        "muted": seen[gid].is_muted(now),
                        "archived": seen[gid].is_archived(heard),
                        "draft": None if (found := seen[gid].draft) is None else found.text,
                    }
                    for gid in gids
                ],
            }
        )
    many = [(bytes([n]) * 16, n % 5) for n in range(8)]
    pins: list[tuple[bytes, arranging.Arrangement, int]] = [
        (gid, arranging.Arrangement(pinned=7 + at, archived=3 if gid[0] == 6 else None), 3) for gid, at in many
    ]
    bad: list[cbor.Value] = [
        [],
        [GID, 1, 1],
        [GID[:15], 1, 1, 0],
        [GID, 1, -1, 0],
        [GID, 1, arranging.AT_MAX + 1, 0],
        [GID, -1, 1, 0],
        [GID, 1, 1, None],
        [GID, 1, 1, True],
        [GID, 1, 1, arranging.ALWAYS + 1],
        [GID, 2, 1, "x"],
        [GID, 2, 1, -1],
        [GID, 3, 1, []],
        [GID, 4, 1, "x"],
        [GID, 4, 1, ["x"]],
        [GID, 4, 1, [None, None]],
        [GID, 4, 1, ["x", b""]],
    ]
    return {
        "source": BY,
        "stories": stories,
        "pins": {
            "held": [[gid.hex(), 7 + at] for gid, at in many],
            "away": many[6][0].hex(),
            "shown": [gid.hex() for gid in arranging.shown_pins(pins)],
        },
        "refused": [*(cbor.encode([one]).hex() for one in bad), cbor.encode([[GID, 1, 1, 0]] * 4097).hex()],
        "later": cbor.encode([[GID, 9, 1, {"x": 1}], [GID, 1, 1, 5]]).hex(),
    }


def build_parts() -> Json:
    contact = parts.SyncContact(ACCOUNT_ID, "ليلى", seeded("contact token"))
    group = parts.SyncGroup(GID, extensions.ChatKind.GROUP, "Голуби", ISSUED * 1000)
    every: list[parts.ControlPart] = [
        parts.Profile("Лейла", seeded("contact token")),
        parts.Profile("Лейла"),
        parts.Lists((first_list()[1],)),
        parts.Leave(),
        parts.Readd(GID, 7, "state-lost", seeded("contact token")),
        parts.Readd(GID, None, "welcome-failed"),
        parts.JoinRequest(GID, seeded("invite", 16), "Зоя", seeded("contact token")),
        parts.JoinRequest(GID, seeded("invite", 16), ""),
        parts.JoinAnswer(GID, seeded("invite", 16), ACCOUNT_ID, "dropped"),
        parts.PutOut((ACCOUNT_ID, AccountId(seeded("other", 16)))),
        parts.PutOut(()),
        parts.Sync((contact,), (group,), ((GID, ISSUED * 1000),)),
        parts.Sync(privacy=parts.SyncPrivacy(receipts=False, typing=True, at=ISSUED * 1000)),
        parts.Sync(settings=every_setting()),
        parts.Sync(
            blocked=parts.SyncBlocked(
                ((ACCOUNT_ID, True, ISSUED * 1000), (AccountId(seeded("other", 16)), False, 7)),
                seeded("profile token"),
                ISSUED * 1000,
                (GID,),
            )
        ),
        parts.Sync(username=parts.SyncUsername("ليلى_٧", ISSUED * 1000)),
        parts.Sync(username=parts.SyncUsername(None, 7)),
        parts.Typing(),
        parts.Call({"v": 1, "t": "ring", "c": CALL_ID, "secret": seeded("secret"), "kind": "audio", "suite": 4}),
        parts.Call({"v": 1, "t": "cand", "c": CALL_ID, "to": 3, "pc": 1, "cands": ["a", "ب"], "done": True}),
        parts.Call({"v": 2, "t": "later", "x": [None, {1: b""}]}),
        parts.Call({}),
        parts.Call({"sdp": "x" * (parts.CALL_BYTES - 14)}),
    ]
    ignored: list[dict[cbor.Key, cbor.Value]] = [{1: 2, "t": "ring"}, {"sdp": "x" * (parts.CALL_BYTES - 13)}]
    return {
        "source": BY,
        "content_type": parts.CONTROL_TYPE,
        "parts": [{"op": part.OP, "content": parts.encode_part(part).content.hex()} for part in every],
        "unknown": cbor.encode(["later", {"x": 1}]).hex(),
        "later_answer": cbor.encode(
            ["join-answer", {"gid": GID, "invite_id": bytes(16), "account": ACCOUNT_ID, "outcome": "later"}]
        ).hex(),
        "ignored_calls": [cbor.encode(["call", value]).hex() for value in ignored],
    }


PRIVATE = PrivateBridges(
    seeded("root hash"),
    seeded("token id", 8),
    seeded("token"),
    (("a.example", 443, "assets"), ("10.0.0.7", 8443, "img/x")),
)


def refused_bridges() -> list[Json]:
    """Field 7 as nobody writes it: what is wrong, and the CBOR."""
    good: dict[cbor.Key, cbor.Value] = {1: bytes(32), 2: bytes(8), 3: bytes(32), 4: [["a.example", 443, "assets"]]}
    hosts = [
        "",
        "A.example",
        "a..example",
        "a.example/x",
        "a.example:1",
        "u@a.example",
        "-a",
        "a" * 64,
        "ä",
        ".",
        "[::1]",
    ]
    dirs = ["", "/x", "x/", "x//y", "..", "x/../y", ".x", "x?y", "x#y", "x%41", "x y", "x" * 65]
    rows: list[tuple[str, cbor.Value]] = [(f"host {host}", {**good, 4: [[host, 443, "x"]]}) for host in hosts]
    rows += [(f"dir {one}", {**good, 4: [["a.example", 443, one]]}) for one in dirs]
    rows += [(f"port {port}", {**good, 4: [["a.example", port, "x"]]}) for port in (0, -1, 65536, "443", None)]
    rows += [("no bridge", {**good, 4: []}), ("four bridges", {**good, 4: [["a.example", 443, "x"]] * 4})]
    rows += [("bridge of two", {**good, 4: [["a.example", 443]]}), ("bridges as a map", {**good, 4: {}})]
    rows += [("root hash of 31", {**good, 1: bytes(31)}), ("token id of 9", {**good, 2: bytes(9)})]
    rows += [("token of 33", {**good, 3: bytes(33)}), ("token as text", {**good, 3: "x" * 32})]
    rows += [(f"without {key!r}", {k: v for k, v in good.items() if k != key}) for key in good]
    rows += [("unknown field", {**good, 5: 1}), ("an array", list(good.values())), ("nil", None)]
    long: cbor.Value = ["a" * 60 + ".example", 443, "x"]
    rows += [("300 bytes and more", {**good, 4: [long] * 3})]
    cut = cbor.encode(good)
    data = [(about, cbor.encode(value)) for about, value in rows] + [("trailing byte", cut + b"\x00"), ("nothing", b"")]
    data += [(f"cut at {at}", cut[:at]) for at in range(1, len(cut), 7)]
    return [{"about": about, "hex": value.hex()} for about, value in data]


def build_links() -> Json:
    contact = links.ContactLink(
        server_name="home.example",
        expires=ISSUED,
        account_id=ACCOUNT_ID,
        contact_token=seeded("contact token"),
        name="ليلى",
        code="K7QX-3M2P",
        front="https://home.example",
    )
    code = links.LinkCode("home.example", seeded("addr", 16), seeded("offer hash"), seeded("secret", 16))
    return {
        "source": BY,
        "contact_link": links.encode_contact_link(contact),
        "server_invite": links.encode_contact_link(links.ContactLink("home.example", ISSUED, code="K7QX-3M2P")),
        "request_link": links.encode_contact_link(replace(contact, contact_token=None, code=None)),
        "link_code": links.encode_link_code(code),
        "account_id": ACCOUNT_ID.hex(),
        "contact_token": seeded("contact token").hex(),
        "addr": seeded("addr", 16).hex(),
        "offer_hash": seeded("offer hash").hex(),
        "secret": seeded("secret", 16).hex(),
        "contact_link_with_bridges": links.encode_contact_link(replace(contact, bridges=PRIVATE)),
        "bridge_link": encode_bridge_link(PRIVATE, front="https://home.example/"),
        "bridge_text": encode_bridge_link(PRIVATE),
        "bridges": {
            "root_hash": PRIVATE.root_hash.hex(),
            "token_id": PRIVATE.token_id.hex(),
            "token": PRIVATE.token.hex(),
            "bridges": [list(bridge) for bridge in PRIVATE.bridges],
        },
        "refused_bridges": refused_bridges(),
    }


def build_linking() -> Json:
    offer = linking.Offer(seeded("hpke", 1216), DEVICE2_PUB, "جهاز", "cli")
    answer = linking.Answer(
        certificate=certificate(),
        lists=(first_list()[1], second_list()),
        seed=seeded("account"),
        contacts=(parts.SyncContact(AccountId(seeded("other", 16)), "Ольга", None),),
        groups=(parts.SyncGroup(GID, extensions.ChatKind.DM, "", ISSUED * 1000),),
        secret=seeded("secret", 16),
        name="Лейла",
        contact_token=seeded("contact token"),
    )
    history = (
        linking.ArchivePart(seeded("part", 16), 9_000_000, *_file_keys()),
        linking.ArchivePart(seeded("part 2", 16), 77, *_file_keys()),
    )
    return {
        "source": f"{BY}; emoji: the SAS table of the Matrix specification",
        "emoji": list(linking.EMOJI),
        "offer": offer.encode().hex(),
        "offer_hash": linking.hash_offer(offer.encode()).hex(),
        "offer_emoji": list(linking.emoji_of(offer.encode())),
        "hpke_info": linking.hpke_info(seeded("addr", 16)).hex(),
        "secret": seeded("secret", 16).hex(),
        "answer": answer.encode().hex(),
        "answer_with_history": replace(answer, archive=history).encode().hex(),
    }


def bad_codes(own: str, other: str) -> list[cbor.Value]:
    """Values that are no code of a safety number."""
    arabic = "".join(chr(0x660 + int(digit)) for digit in own)
    return [
        [2, own, other, 7, b""],
        [1, own[1:], other, 7, b""],
        [1, own[:15] + arabic[15:22], other, 7, b""],
        [1, own, "x" * 30, 7, b""],
        [1, own, other, -1, b""],
        [1, own, other, 7, bytes(65)],
        [1, own, other, 7],
        {1: own},
    ]


def build_safety() -> Json:
    other_pub = signer("other account")[1]
    other_id = objects.account_id_of(other_pub)
    own_half, other_half = safety.half(ACCOUNT_PUB, ACCOUNT_ID), safety.half(other_pub, other_id)
    mine = safety.SafetyCode(own_half, other_half, 7, seeded("authenticator"))
    theirs = safety.SafetyCode(other_half, own_half, 7, seeded("authenticator"))
    compared: list[Json] = [
        {"theirs": code.encode(), "result": safety.compare_codes(mine, code)}
        for code in (
            theirs,
            replace(theirs, epoch=8),
            replace(theirs, epoch_authenticator=seeded("another")),
            replace(theirs, epoch=8, own=other_half[::-1]),
            replace(theirs, other=other_half),
            mine,
        )
    ]
    good = mine.encode()
    no_codes = ["", "x", good[:-1], good + "A", good * 3, links.encode_contact_link(links.ContactLink("x", 1))]
    no_codes += [encode_b64(cbor.encode(value)) for value in bad_codes(own_half, other_half)]
    return {
        "source": f"{BY}; numeric fingerprint of libsignal, whose published example is `libsignal`",
        "own": [ACCOUNT_ID.hex(), ACCOUNT_PUB.hex()],
        "other": [other_id.hex(), other_pub.hex()],
        "safety_number": safety.safety_number((ACCOUNT_ID, ACCOUNT_PUB), (other_id, other_pub)),
        "code": {
            "own_half": own_half,
            "other_half": other_half,
            "epoch": 7,
            "epoch_authenticator": seeded("authenticator").hex(),
            "text": good,
            "compared": compared,
            "refused": list(no_codes),
        },
        "libsignal": {
            "alice": ["+14152222222", "0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868"],
            "bob": ["+14153333333", "05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b"],
            "number": "300354477692869396892869876765458257569162576843440918079131",
        },
    }


def every_frame() -> dict[str, list[frames.Frame]]:
    """One of each frame, and one more where a field may be nil, by who reads it."""
    mid, token, key = Mid(seeded("mid", 16)), seeded("token"), seeded("roster key")
    added = (frames.AddedLeaf(1, seeded("ref 1", 54)),)
    http = {"content-type": "application/json"}
    calls: list[frames.Frame] = [frames.HttpReq(1, "POST", "/v1/auth/challenge", http, b"{}")]
    answers: list[frames.Frame] = [frames.HttpRes(1, 200, http, b"{}", more=True), frames.Bye("replaced", 0)]
    msg = frames.Msg(9, seeded("message", 16), frames.Kind.APP, GID, 7, ISSUED * 1000, b"body", None, seeded("via", 8))
    return {
        "r_client": [frames.Hello(encode_b64(token), 8), frames.Mack(9), *calls],
        "s_client": [
            frames.Send(1, mid, GID, token, key, 0, 0, b"body"),
            frames.Commit(2, mid, GID, token, 7, key, seeded("new key"), seeded("next"), added, (2,), b"c", b"w"),
            frames.Commit(3, mid, GID, token, 7, key, None, seeded("next"), (), (), b"c", None),
            frames.Create(4, mid, GID, seeded("pass"), key, seeded("next"), (frames.AddedLeaf(0, b"ref"),)),
            *calls,
        ],
        "r_server": [
            frames.Ready(ISSUED * 1000, 9, 1, 2, 1, 8),
            msg,
            frames.Msg(10, seeded("message", 16), frames.Kind.NOTICE, None, 0, ISSUED * 1000, b"n"),
            frames.Drained(9),
            frames.Eph(GID, 7, ISSUED * 1000, b"body"),
            frames.KeysLow(0x53, 9),
            frames.Gap(3, 7),
            *answers,
        ],
        "s_server": [
            frames.Ok(1, 7, ISSUED * 1000, None, dup=True),
            frames.Err(2, "stale-epoch", 0, {"epoch": 8}),
            *answers,
        ],
    }


def shown(value: object) -> Json:
    """A frame's fields as JSON, bytes as hex."""
    if isinstance(value, msgspec.Struct):
        return [shown(field) for field in msgspec.structs.astuple(value)]
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {str(name): shown(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    assert value is None or isinstance(value, int | str)
    return value


def build_frames() -> Json:
    found: dict[str, Json] = {
        reader: [{"name": type(f).__name__, "fields": shown(f), "hex": frames.encode_frame(f).hex()} for f in of_reader]
        for reader, of_reader in every_frame().items()
    }
    requests = [f for f in every_frame()["s_client"] if isinstance(f, frames.Send | frames.Commit | frames.Create)]
    hashes: list[Json] = [{"name": type(f).__name__, "hash": frames.request_hash(f).hex()} for f in requests]
    return {"source": BY, "frames": found, "request_hashes": hashes}


def build_session() -> Json:
    resume = seeded("resume", 16)
    every: list[wire.SessionFrame] = [
        wire.Open(1, None, 0, 65536),
        wire.Open(1, resume, 4, 4096, 7),
        wire.Opened(resume, 3, True),
        wire.Data(1, 0, False, b"body"),
        wire.Ack(5),
        wire.Ping(1),
        wire.Pong(1),
        wire.Close("protocol", 0),
    ]
    return {
        "source": BY,
        "frames": [
            {"name": type(f).__name__, "fields": shown(f), "hex": msgspec.msgpack.encode(f).hex()} for f in every
        ],
        "record": {"frame": b"frame".hex(), "record": records.pad(b"frame").hex()},
        "record_sizes": [[size, len(records.pad(bytes(size)))] for size in (0, 252, 253, 1020, 1021, 16381, 65532)],
    }


def build_files() -> Json:
    """Padded sizes, messages with files, what is none of ours, and one small file sealed."""
    key, nonce = seeded("file key"), seeded("file nonce", 12)
    plain = "سلام, файл".encode()
    padded = plain + bytes(attachments.padded_bytes(len(plain)) - attachments.TAG_BYTES - len(plain))
    sealed = AESGCM(key).encrypt(nonce, padded, None)
    digest = hashlib.sha256(sealed).digest()
    one = files.File(seeded("attachment", 16), "سلام.txt", "text/plain", len(plain), key, nonce, digest)
    two = replace(one, attachment_id=seeded("other", 16), name="../a\u202eb", size=attachments.FILE_BYTES)
    every = [forms.Files((one,)), forms.Files((one,), "look", QUOTED), forms.Files((one, two))]
    every += [forms.Files((one, two), "both"), forms.Files((one,) * files.FILES_MAX, "x" * 100)]
    found: list[Json] = []
    for form in every:
        data = content.encode_content(forms.encode_form(form, blank_content()))
        told: list[Json] = [
            {"id": f.attachment_id.hex(), "name": f.name, "type": f.content_type, "size": f.size, "key": f.key.hex(),
             "nonce": f.nonce.hex(), "sha256": f.sha256.hex()}
            for f in form.files
        ]  # fmt: skip
        quoted = None if form.reply_to is None else form.reply_to.hex()
        found.append({"text": form.text, "reply_to": quoted, "files": told, "content": data.hex()})
    sizes = (0, 1, 1008, 1009, 5000, 65_535, 1_000_000, 20_000_000, 100_000_000, attachments.FILE_BYTES)
    return {
        "source": f"{BY}; PURBs, PETS 2019, 4 (Padme); draft-ietf-mimi-content-08, 4.4",
        "padded": [[size, attachments.padded_bytes(size)] for size in sizes],
        "messages": found,
        "others": other_files(one),
        "looks": looks_of_files(one),
        "sealed": {"plain": plain.hex(), "key": key.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()},
    }


def other_files(one: files.File) -> list[Json]:
    """Messages of later versions: shown as something that this one does not know."""
    part = files.encode_file(one)
    text = content.SinglePart(content.MARKDOWN, b"x")
    multi, all_of = content.MultiPart, content.PROCESS_ALL
    cases: dict[str, content.Part] = {
        "it lies elsewhere": replace(part, url="https://home.example/a"),
        "an id that is none": replace(part, url=files.SCHEME + "AAAA"),
        "another cipher": replace(part, enc_alg=1),
        "a short key": replace(part, key=bytes(16)),
        "a long nonce": replace(part, nonce=bytes(16)),
        "additional data": replace(part, aad=b"x"),
        "another hash": replace(part, hash_alg=2),
        "a short hash": replace(part, content_hash=bytes(16)),
        "larger than any": replace(part, size=attachments.FILE_BYTES + 1),
        "a long name": replace(part, filename="x" * 256),
        "a preview": replace(part, disposition=content.PREVIEW),
        "one of them lies elsewhere": multi(all_of, (part, replace(part, url="zajil:b/"))),
        "too many": multi(all_of, (part,) * (files.FILES_MAX + 1)),
        "a text behind it": multi(all_of, (part, text)),
        "texts alone": multi(all_of, (text, text)),
        "a choice": multi(content.CHOOSE_ONE, (part, part)),
        "parts in parts": multi(all_of, (text, multi(all_of, (part, part)))),
    }
    shown: list[Json] = []
    for about, body in cases.items():
        data = content.encode_content(replace(blank_content(), body=body))
        shown.append({"about": about, "shown": body.disposition != content.PREVIEW, "content": data.hex()})
    return shown


def looks_of_files(one: files.File) -> list[Json]:
    """What stands in extension -5 of messages with one or two files, and what is drawn."""
    hash_, wave = bytes(range(25)), bytes(range(0, 256, 4))
    image: cbor.Value = [1, 4032, 3024, hash_]
    entries: dict[str, cbor.Value] = {
        "a picture": image,
        "a picture of the least": [1, 1, 1, hash_[:5]],
        "a picture of the most": [1, 65_535, 65_535, bytes(32)],
        "a voice note": [2, 83_250, wave],
        "a voice note of no length": [2, 0, bytes(64)],
        "a voice note of a day": [2, 86_400_000, b"\xff" * 64],
        "a video": [3, 1920, 1080, 61_000, hash_],
        "null": None,
        "no array": 1,
        "bytes": hash_,
        "text": "look",
        "a map": {0: 1, 1: 2, 2: 3},
        "an empty array": [],
        "a kind alone": [1],
        "a later kind": [4, 1, 1, hash_],
        "kind zero": [0, 1, 1, hash_],
        "kind true": [True, 1, 1, hash_],
        "a negative kind": [-1, 1, 1, hash_],
        "a kind of 64 bits": [(1 << 64) - 1, 1, 1, hash_],
        "a kind in text": ["1", 1, 1, hash_],
        "a picture without height": [1, 4032, hash_],
        "a picture with more": [1, 4032, 3024, hash_, None],
        "width 0": [1, 0, 1, hash_],
        "height 0": [1, 1, 0, hash_],
        "width 65,536": [1, 65_536, 1, hash_],
        "height 65,536": [1, 1, 65_536, hash_],
        "a negative width": [1, -1, 1, hash_],
        "width true": [1, True, 1, hash_],
        "width null": [1, None, 1, hash_],
        "a width of 64 bits": [1, (1 << 64) - 1, 1, hash_],
        "a thumbhash of 4 bytes": [1, 1, 1, hash_[:4]],
        "a thumbhash of 33 bytes": [1, 1, 1, bytes(33)],
        "a thumbhash in text": [1, 1, 1, "hash!"],
        "a thumbhash of numbers": [1, 1, 1, [0, 1, 2, 3, 4, 5]],
        "no thumbhash": [1, 1, 1, None],
        "a voice note without waveform": [2, 1000],
        "a voice note with more": [2, 1000, wave, 0],
        "a waveform of 63 bytes": [2, 1000, wave[:63]],
        "a waveform of 65 bytes": [2, 1000, bytes(65)],
        "a waveform of numbers": [2, 1000, [0] * 64],
        "over a day": [2, 86_400_001, wave],
        "a negative duration": [2, -1, wave],
        "duration false": [2, False, wave],
        "a video without duration": [3, 1920, 1080, hash_],
        "a video of over a day": [3, 1920, 1080, 86_400_001, hash_],
        "a video of no width": [3, 0, 1080, 1, hash_],
    }
    of_one: dict[str, cbor.Value] = {about: [entry] for about, entry in entries.items()}
    of_one |= {"for two files": [image, image], "for no file": [], "not an array": hash_, "true": True}
    of_one |= {"nil": None, "the entry itself": image, "a map of entries": {0: image}}
    two = replace(one, attachment_id=seeded("other", 16), content_type="audio/webm")
    of_two: dict[str, cbor.Value] = {
        "a picture, a voice note": [image, [2, 5, wave]],
        "null, a voice note": [None, [2, 5, wave]],
        "a wrong one, a voice note": [[1, 0, 0, hash_], [2, 5, wave]],
        "one for two": [image],
        "three for two": [image, image, image],
    }
    found: list[Json] = []
    for form, values in ((forms.Files((one,)), of_one), (forms.Files((one, two), "both"), of_two)):
        plain = forms.encode_form(form, blank_content())
        for about, value in values.items():
            made = replace(plain, extensions=dict(plain.extensions) | {looks.LOOKS: value})
            shown = [shown_look(look) for look in looks.parse_looks(value, len(form.files)) or [None] * len(form.files)]
            found.append({"about": about, "looks": shown, "content": content.encode_content(made).hex()})
    return found


def shown_look(look: looks.Look | None) -> Json:
    match look:
        case looks.ImageLook(width, height, thumbhash):
            return {"kind": "image", "width": width, "height": height, "thumbhash": thumbhash.hex()}
        case looks.VoiceLook(duration_ms, waveform):
            return {"kind": "voice", "duration_ms": duration_ms, "waveform": waveform.hex()}
        case looks.VideoLook(width, height, duration_ms, thumbhash):
            size: dict[str, Json] = {"width": width, "height": height, "thumbhash": thumbhash.hex()}
            return {"kind": "video", "duration_ms": duration_ms, **size}
    return None


def build_recovery() -> Json:
    key = seeded("recovery key", recovery.KEY_BYTES)
    secrets = recovery.derive_secrets(key)
    held = backup.Backup(
        seed=seeded("account"),
        account_id=ACCOUNT_ID,
        server_name="home.example",
        name="Лейла",
        profile_token=seeded("contact token"),
        own_list=second_list(),
        people=(
            backup.BackupPerson(AccountId(seeded("other", 16)), "Ольга", seeded("other token"), True, DEVICE_PUB),
            backup.BackupPerson(AccountId(seeded("third", 16)), "زيد", None, False),
        ),
        chats=(
            backup.BackupChat(
                GID, extensions.ChatKind.GROUP, "درب", ISSUED * 1000, ((AccountId(seeded("other", 16)), 2),)
            ),
        ),
        privacy=parts.SyncPrivacy(True, False, ISSUED * 1000),
        arranged=tuple(setting for setting in every_setting() if setting.which != arranging.DRAFT),
        blocked=(
            (AccountId(seeded("third", 16)), True, ISSUED * 1000),
            (AccountId(seeded("other", 16)), False, ISSUED * 1000),
        ),
    )
    older = replace(held, blocked=(), arranged=())
    nonce, version = seeded("backup nonce", 12), 7
    blob = recovery.seal_backup(secrets, held.encode(), version=version, nonce=nonce)
    text = recovery.spell_key(key)
    return {
        "source": f"{BY}; HKDF: RFC 5869; padding: Padme, PURBs, PETS 2019",
        "key": key.hex(),
        "text": text,
        "typed": [text, text.lower(), text.replace("-", " "), text.replace("-", ""), text.replace("1", "l")],
        "refused": [text[:-1], text + "0", "U" + text[1:], "", "-".join(["0000"] * 7)],
        "locator": secrets.locator.hex(),
        "auth": secrets.auth.hex(),
        "auth_pub": secrets.auth_pub.hex(),
        "enc": secrets.enc.hex(),
        "version": version,
        "nonce": nonce.hex(),
        "plain": held.encode().hex(),
        "older": older.encode().hex(),
        "blob": blob.hex(),
        "sig": recovery.sign_backup(secrets, blob, version=version).hex(),
        "deletion_version": version + 1,
        "deletion_sig": recovery.sign_deletion(secrets, version=version + 1).hex(),
        "sizes": [[n, _blob_bytes(n)] for n in (0, 4064, 4065, 10_000, 100_000, 163_808)],
        "too_big": 163_809,
    }


def _blob_bytes(plain_bytes: int) -> int:
    secrets = recovery.derive_secrets(bytes(recovery.KEY_BYTES))
    return len(recovery.seal_backup(secrets, bytes(plain_bytes), version=1, nonce=bytes(12)))


def _spelled(text: str) -> Json:
    """A text as typed, with its name and skeleton, or none of them."""
    try:
        name = usernames.parse_username(text)
    except ZajilError:
        return {"typed": text, "name": None, "skeleton": None}
    return {"typed": text, "name": name, "skeleton": skeleton(name)}


def build_listed() -> Json:
    """Which chats stand in the list: whether merged, quiet, a request, its status, and whether it shows."""
    table: list[tuple[bool, bool, str, str, bool]] = [
        (False, False, "", "active", True),
        (False, False, "", "creating", True),
        (False, False, "", "lost", True),
        (False, False, "", "removed", True),
        (False, False, "", "left", True),
        (True, False, "", "active", False),
        (False, True, "", "active", False),
        (False, False, "incoming", "active", False),
        (False, False, "incoming", "removed", False),
        (False, False, "outgoing", "creating", True),
        (False, False, "outgoing", "active", True),
        (False, True, "outgoing", "active", False),
        (False, False, "outgoing", "removed", False),
    ]
    keys = ("merged", "quiet", "request", "status", "listed")
    return {"source": BY, "chats": [dict(zip(keys, row, strict=True)) for row in table]}


def build_usernames() -> Json:
    """Names as typed and as shown, what look-alikes have in common, and the key; serials of references."""
    typed = ["@Layla", "layla", "LAYLA", "Boris.42", "boris_1", "borìs", "ليلى_٧", "Юрий", "دانيال", "bo1l", "boll"]
    spelled = [
        *(
            "Ａlice_1",
            "Новости",
            "أخبار_غزة",
            "news.ar",
            "e\u0301cole",
            "ελλάδα",
            "ΟΔΟΣ",
            "हिन्दी",
            "خبر١٢٣",
            "خبر123",
            "ＫＡＴＥ",
        ),
        *(
            "עברית.7",
            "한국어",
            "ひらがな",
            "ｶﾀｶﾅ",
            "ไทย_1",
            "ދިވެހި",
            "ქართული",
            "Ÿvette",
            "İstanbul",
            "straße",
            "中文名",
            "𑣀𑣁𑣂",
            "ابج۱۲",
        ),
    ]
    names: list[Json] = []
    for text in typed:
        name = usernames.parse_username(text)
        key = usernames.username_key(name, "home.example").hex()
        names.append({"typed": text, "name": name, "skeleton": skeleton(name), "key": key})
    elsewhere = usernames.username_key("layla", "other.example").hex()
    refused: list[Json] = [
        "",
        "ab",
        "a" * 33,
        "lаyla",
        "a b c",
        "_abc",
        "abc.",
        "a..b",
        "12345",
        "a\u200db",
        "x٧7",
        "é\u0301é",
        "@@ab",
        *(
            "1خبر",
            "خبر1٢",
            "٧abc",
            "abc٧",
            "ﬁsh",
            "a·b",
            "İİ",
            "ab\u0301\u0302\u0303",
            "कa1",
            "ـــ",
            "ab\U0001f600",
            "x\u0000y",
        ),
        *(
            "ﷺabc",
            "abcд",
            "наⅣ",
            "שלום\u05b0",
            "קֹץ",
            "k\u212a\u212a\u0130",
            "カ・カナ",
            "l·la",
            "ªbc",
            "№12",
            "a⁰b",
            "ΐΐΐ\u0301\u0345",
        ),
    ]
    serials = [bytes([first]) + bytes(7) for first in (0, 0x7F, 0x80, 0xFF)]
    return {
        "source": BY,
        "spelled": [_spelled(text) for text in spelled + [one for one in refused if isinstance(one, str)]],
        "server_name": "home.example",
        "names": names,
        "other_server": {"server_name": "other.example", "name": "layla", "key": elsewhere},
        "refused": refused,
        "serials": [{"via": one.hex(), "stranger": requests.is_strangers(one)} for one in serials],
    }


def build_archive() -> Json:
    """One part with every field, and a message that is nothing but its head."""
    amal, other = AccountId(seeded("account id", 16)), seeded("other", 16)
    file = archive.ArchivedFile(seeded("file", 16), "تقرير.pdf", "application/pdf", 9_000, *_file_keys())
    whole = archive.ArchivedMessage(
        seeded("m1"), other, 2, 1_800_000_000_000, 1_800_000_000_500, "received", "третий", seeded("m0"),
        (("первый", 1_800_000_000_000, seeded("m1")), ("третий", 1_800_000_001_000, seeded("e1"))), b"",
        ((amal, "👍", 1_800_000_002_000, seeded("r1")), (other, "", 1_800_000_003_000, seeded("r2"))),
        ((amal, 1_800_000_004_000, 0),), b"kept", None, (file,), 86_400, 1_800_086_404_000,
    )  # fmt: skip
    call = archive.ArchivedMessage(
        seeded("m2"), amal, 1, 0, 0, "read", deleted_by=amal, call=(seeded("call", 16), "video", "missed", 0)
    )
    chat = archive.ArchivedChat(
        GID,
        seeded("m1"),
        (whole, call),
        (("left", other, 1_800_000_005_000, 0), ("timer", amal, 1_800_000_006_000, 86_400)),
    )
    part = archive.Archive(amal, (chat, archive.ArchivedChat(seeded("gid 2", 16), b"", ())))
    plain = part.encode()
    bad = {
        "version": cbor.encode({1: 2, 2: amal, 3: []}),
        "no account": cbor.encode({1: 1, 2: b"", 3: []}),
        "no chats": cbor.encode({1: 1, 2: amal}),
        "short id": cbor.encode(
            {1: 1, 2: amal, 3: [{1: GID, 2: b"", 3: [{1: b"x", 2: amal, 3: 1, 4: 0, 5: 0, 6: 0}], 4: []}]}
        ),
        "state": cbor.encode(
            {1: 1, 2: amal, 3: [{1: GID, 2: b"", 3: [{1: bytes(32), 2: amal, 3: 1, 4: 0, 5: 0, 6: 4}], 4: []}]}
        ),
        "no span": cbor.encode(
            {
                1: 1,
                2: amal,
                3: [{1: GID, 2: b"", 3: [{1: bytes(32), 2: amal, 3: 1, 4: 0, 5: 0, 6: 0, 16: [0, 1]}], 4: []}],
            }
        ),
        "more behind": plain + b"\0",
        "cut": plain[:-1],
    }
    head: dict[cbor.Key, cbor.Value] = {1: bytes(32), 2: amal, 3: 1, 4: 0, 5: 0, 6: 0}
    one_file: cbor.Value = [bytes(16), "a", "b", 1, bytes(32), bytes(12), bytes(32)]
    wrong: dict[str, dict[cbor.Key, cbor.Value]] = {
        "eleven files": {15: [one_file] * 11},
        "a file too big": {15: [[bytes(16), "a", "b", 1 << 40, bytes(32), bytes(12), bytes(32)]]},
        "a long emoji": {11: [[amal, "x" * 65, 0, bytes(32)]]},
        "a text of bytes": {7: b"x"},
        "a time beyond": {4: 1 << 53},
        "a device beyond": {3: 1 << 32},
        "a long span": {16: [(1 << 32), 1]},
        "an unknown call": {14: [bytes(16), 2, 0, 0]},
        "a short answer": {8: bytes(31)},
    }
    for about, fields in wrong.items():
        bad[about] = cbor.encode({1: 1, 2: amal, 3: [{1: GID, 2: b"", 3: [head | fields], 4: []}]})
    bad["an unknown line"] = cbor.encode({1: 1, 2: amal, 3: [{1: GID, 2: b"", 3: [], 4: [[10, amal, 0, 0]]}]})
    bad["many lines"] = cbor.encode({1: 1, 2: amal, 3: [{1: GID, 2: b"", 3: [], 4: [[0, amal, 0, 0]] * 201}]})
    bad["many chats"] = cbor.encode({1: 1, 2: amal, 3: [0] * 4097})
    bad["a count without items"] = cbor.encode({1: 1, 2: amal, 3: []})[:-1] + bytes.fromhex("9affffffff")
    return {"source": BY, "archive": plain.hex(), "refused": {about: data.hex() for about, data in bad.items()}}


def _file_keys() -> tuple[bytes, bytes, bytes]:
    return seeded("file key"), seeded("file nonce", 12), seeded("file hash")


BUILDERS = {
    "cbor": build_cbor,
    "objects": build_objects,
    "roster": build_roster,
    "aad": build_aad,
    "content": build_content,
    "files": build_files,
    "extensions": build_extensions,
    "expiry": expiry_vectors.build,
    "parts": build_parts,
    "arranging": build_arranging,
    "links": build_links,
    "gate": lambda: gate_vectors.build(seeded),
    "groups": lambda: build_groups(seeded, BY),
    "successors": lambda: build_successors(seeded, BY),
    "linking": build_linking,
    "archive": build_archive,
    "safety": build_safety,
    "recovery": build_recovery,
    "usernames": build_usernames,
    "names": build_names,
    "listed": build_listed,
    "frames": build_frames,
    "session": build_session,
    "search": search_vectors.search,
}


def render(name: str) -> str:
    return json.dumps(BUILDERS[name](), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in BUILDERS:
        (FOLDER / f"{name}.json").write_text(render(name), encoding="utf-8")
