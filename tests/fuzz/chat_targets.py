"""What people send each other: content, controls, identities, links and codes."""

from __future__ import annotations

from tests.fuzz.targets import Target, hexes, of_text, texts, vector
from tests.protocol import service_vectors as sv

from zajil.protocol import attachments, cbor, control, frames, mlsheader, records, roster
from zajil.protocol.chat import aad, arranging, content, extensions, files, forms, mentions, parts, receipts
from zajil.protocol.contacts import usernames
from zajil.protocol.errors import error
from zajil.protocol.history.archive import Archive
from zajil.protocol.identity import backup, grouplinks, linking, links, objects, recovery, safety
from zajil.protocol.ids import DeviceId, GroupId, parse_b64
from zajil.protocol.public import handles
from zajil.protocol.search import matching
from zajil.protocol.session import wire

GID = sv.GID
OWNER = {sv.ACCOUNT_ID: extensions.ChatRole.OWNER}
TEXT = content.text_content("x", salt=sv.SALT, extensions={1: "u"})
FORMS: list[forms.Text | forms.Files | forms.Action] = [
    forms.Text("x", sv.TARGET),
    forms.Files((files.File(bytes(16), "n", "t/t", 5, bytes(32), bytes(12), bytes(32)),) * 2, "x", sv.TARGET),
    forms.Edit(sv.TARGET, "y"),
    forms.Deletion(sv.TARGET, as_admin=True),
    forms.Reaction(sv.TARGET, "🕊️"),
    forms.TakeBack(sv.TARGET, sv.REACTION_ID),
]
B16 = '"AAAAAAAAAAAAAAAAAAAAAA"'


def parse_control(data: bytes) -> object:
    return parts.parse_part(content.SinglePart(parts.CONTROL_TYPE, data))


def parse_form(data: bytes) -> object:
    return forms.parse_form(content.parse_content(data))


def parse_receipts(data: bytes) -> object:
    return receipts.parse_receipts(content.SinglePart(receipts.STATUS_TYPE, data))


def change_settings(data: bytes) -> object:
    return extensions.change_settings(data, name="x")


def parse_code(data: bytes) -> object:
    return safety.SafetyCode.parse(data.decode("latin-1"))


def parse_mentions(data: bytes) -> object:
    return mentions.parse_text(data.decode("utf-8", "replace"), server_name="home.example")


def parse_answer(data: bytes) -> object:
    return linking.Answer.parse(data, secret=bytes(16))


def parse_claim(data: bytes) -> object:
    return control.parse_json(data, control.ClaimKeyPackages)


def parse_problem(data: bytes) -> object:
    return control.parse_problem(400, data)


def framed(reader: str) -> list[bytes]:
    return [frames.encode_frame(frame) for frame in sv.every_frame()[reader]]


ROSTER = {name: value for name, value in vector("service/roster").items() if isinstance(value, str)}
RECOVERY = recovery.derive_secrets(bytes.fromhex(vector("service/recovery")["key"]))


def linked(file: str, *names: str) -> list[bytes]:
    return [vector(f"service/{file}")[name].encode() for name in names]


def parse_settings(data: bytes) -> object:
    items = cbor.parse(data)
    return arranging.parse_settings(items) if isinstance(items, list) else None


def open_roster(data: bytes) -> object:
    gid = GroupId(bytes.fromhex(ROSTER["gid"]))
    return roster.open_roster(bytes.fromhex(ROSTER["roster_key"]), gid, vector("service/roster")["epoch"], data)


def open_blob(data: bytes) -> object:
    return recovery.open_backup(RECOVERY, data, version=vector("service/recovery")["version"])


def later_list(data: bytes) -> object:
    return objects.open_later_list(data, objects.open_list(sv.first_list()[1]), account_id=sv.ACCOUNT_ID)


def open_offer(data: bytes) -> object:
    return linking.open_offer(data, offer_hash=linking.hash_offer(data))


TARGETS: dict[str, Target] = {
    "cbor": Target(cbor.parse, [cbor.encode({24: [1, b"x", "y"], -1: {1: None}})]),
    "object": Target(objects.open_list, [sv.first_list()[1]]),
    "list": Target(objects.DeviceList.parse, [sv.first_list()[0].encode()]),
    "certificate": Target(objects.open_certificate, [sv.certificate()]),
    "login": Target(objects.Login.parse, [objects.Login("s", bytes(32), sv.ACCOUNT_ID, DeviceId(1)).encode()]),
    "commit aad": Target(aad.parse_aad, [aad.CommitAad((1, 5), (2,), True, bytes(32)).encode()]),
    "application aad": Target(aad.parse_aad, [aad.ApplicationAad(bytes(32)).encode()]),
    "content": Target(content.parse_content, [content.encode_content(TEXT)]),
    "application": Target(content.parse_application, [content.encode_application(b"c", bytes(64))]),
    "form": Target(parse_form, [content.encode_content(forms.encode_form(form, sv.blank_content())) for form in FORMS]),
    "receipts": Target(parse_receipts, [receipts.encode_receipts([(sv.TARGET, receipts.Status.READ)]).content]),
    "changed settings": Target(
        change_settings,
        [extensions.ChatSettings(extensions.ChatKind.GROUP, "n", roles=OWNER).encode()],
    ),
    "safety code": Target(parse_code, [safety.SafetyCode("1" * 30, "2" * 30, 7, bytes(32)).encode().encode()]),
    "mentions": Target(parse_mentions, [mentions.encode_mention("home.example", sv.ACCOUNT_ID, "[n]").encode()]),
    "settings": Target(
        extensions.ChatSettings.parse,
        [extensions.ChatSettings(extensions.ChatKind.DM, roles=OWNER).encode()],
    ),
    "share": Target(
        extensions.GroupInfoShare.parse,
        [extensions.GroupInfoShare(bytes(32), (b"l",), {sv.ACCOUNT_ID: extensions.Acquaintance("n")}).encode()],
    ),
    "part": Target(parse_control, [parts.encode_part(parts.Readd(GID, 1, "r")).content]),
    "offer": Target(linking.Offer.parse, [linking.Offer(bytes(1216), bytes(32), "n", "p").encode()]),
    "answer": Target(parse_answer, [linking.Answer(b"c", (b"l",), None, (), (), bytes(16), "n").encode()]),
    "record": Target(records.unpad, [records.pad(b"frame")]),
    "session frame": Target(wire.parse_record, [wire.encode_record(wire.Ack(5))]),
    "header": Target(mlsheader.parse_header, [b"\x00\x01\x00\x02\x01g" + bytes(8) + b"\x01\x01a\x01s\x01c"]),
    "r_client": Target(frames.parse_r_client, framed("r_client")),
    "s_client": Target(frames.parse_s_client, framed("s_client")),
    "r_server": Target(frames.parse_r_server, framed("r_server")),
    "s_server": Target(frames.parse_s_server, framed("s_server")),
    "json": Target(parse_claim, [f'{{"account_id":{B16},"suites":[83],"claim_id":{B16}}}'.encode()]),
    "problem": Target(parse_problem, [control.encode_problem(error("busy"))]),
    "archive": Target(Archive.parse, hexes("service/archive")),
    "backup": Target(backup.Backup.parse, hexes("service/recovery")),
    "blob of a backup": Target(open_blob, hexes("service/recovery")),
    "recovery key": Target(of_text(recovery.parse_key), texts("service/recovery")),
    "roster": Target(open_roster, hexes("service/roster")),
    "later list": Target(later_list, [sv.second_list(), sv.first_list()[1]]),
    "hashed offer": Target(open_offer, hexes("service/linking")),
    "contact link": Target(of_text(links.parse_contact_link), linked("links", "contact_link", "request_link")),
    "link code": Target(of_text(links.parse_link_code), texts("service/links")),
    "group link": Target(of_text(grouplinks.parse_group_link), linked("groups", "link", "bare_link")),
    "base64": Target(of_text(parse_b64), [b"AAAA", b"AA"]),
    "username": Target(of_text(usernames.parse_username), texts("service/usernames")),
    "handle": Target(of_text(handles.parse_handle), texts("service/usernames")),
    "search": Target(of_text(matching.parse_query), texts("service/search")),
    "range": Target(of_text(attachments.parse_range), [b"bytes=0-1048575", b"bytes=5-5"]),
    "parts of vectors": Target(parse_control, hexes("service/parts")),
    "content of vectors": Target(parse_form, hexes("service/content")),
    "files of vectors": Target(parse_form, hexes("service/files")),
    "arranging": Target(parse_settings, hexes("service/arranging")),
}
