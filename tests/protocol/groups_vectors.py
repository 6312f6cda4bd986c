"""Builds vectors/service/groups.json: settings of a group, who may change what of them, and its links."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from zajil.protocol import cbor
from zajil.protocol.chat import extensions
from zajil.protocol.chat.changes import check_change
from zajil.protocol.chat.extensions import ChatKind, ChatRole, ChatSettings, Invite, JoinPolicy, Permissions
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity.grouplinks import GroupLink, encode_group_link
from zajil.protocol.ids import AccountId, GroupId, encode_b64

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"
Seeded: TypeAlias = Callable[[str, int], bytes]
EXPIRES = 1_790_000_000


def _values(data: bytes) -> dict[cbor.Key, cbor.Value]:
    parsed = cbor.parse(data)
    assert isinstance(parsed, dict)
    return dict(parsed)


def build_groups(seeded: Seeded, source: str) -> Json:
    owner, admin = AccountId(seeded("owner", 16)), AccountId(seeded("admin", 16))
    invite = Invite(seeded("invite", 16), JoinPolicy.AUTO, EXPIRES)
    roles = {owner: ChatRole.OWNER, admin: ChatRole.ADMIN}
    closed = ChatSettings(ChatKind.GROUP, "Голуби", roles=roles, perms=Permissions(send=extensions.Needs.ADMIN))
    open_to_all = extensions.change_settings(closed.encode(), perms=dict.fromkeys(extensions.PERMISSIONS, 0))
    held = closed.encode()
    link = GroupLink(
        server_name="home.example",
        gid=GroupId(seeded("group", 16)),
        invite_id=invite.invite_id,
        approver=owner,
        contact_token=seeded("contact token", 32),
        expires=EXPIRES,
        name="حمام",
        front="https://home.example",
    )
    changes: dict[str, bytes] = {
        "name": extensions.change_settings(held, name="حمام"),
        "roles": extensions.change_settings(held, roles={owner: ChatRole.OWNER}),
        "send": extensions.change_settings(held, perms={"send": 0}),
        "link": extensions.change_settings(held, invites=[invite]),
        "about": cbor.encode(_values(held) | {4: "x"}),
        "avatar": cbor.encode(_values(held) | {5: [b"x"]}),
        "timer": cbor.encode(_values(held) | {6: 60}),
        "predecessor": cbor.encode(_values(held) | {9: [bytes(16), 1, bytes(32), 1]}),
        "no predecessor": cbor.encode(_values(held) | {9: [b"x"]}),
        "later": cbor.encode(_values(held) | {99: True}),
        "kind": cbor.encode(_values(held) | {2: 1}),
        "version": cbor.encode(_values(held) | {1: 2}),
        "name and roles": extensions.change_settings(held, name="x", roles={owner: ChatRole.OWNER}),
        "nothing": held,
    }
    with_invite = extensions.change_settings(held, invites=[invite])
    followed = extensions.with_predecessor(
        held, extensions.Predecessor(bytes(16), 1, bytes(32), extensions.Reason.STUCK)
    )
    # A key of a later version may be bytes, which are the same key wherever they stand.
    keyed = cbor.encode(_values(open_to_all) | {b"later": True})
    later = cbor.encode(_values(held) | {8: {"send": 1, "add": 1, "info": 0, "timer": 1, "pin": 1}})
    return {
        "source": source,
        "link": encode_group_link(link),
        "bare_link": encode_group_link(
            GroupLink("home.example", link.gid, invite.invite_id, owner, link.contact_token, 1)
        ),
        "link_fields": {
            "gid": link.gid.hex(),
            "invite_id": invite.invite_id.hex(),
            "approver": owner.hex(),
            "contact_token": link.contact_token.hex(),
            "expires": EXPIRES,
        },
        "refused_links": _refused_links(link),
        "settings": held.hex(),
        "with_invite": with_invite.hex(),
        "without_link_permission": later.hex(),
        "with_link_permission": extensions.change_settings(later, perms={"link": 0}).hex(),
        "refused_settings": [
            {"about": about, "data": cbor.encode(_values(with_invite) | {10: value}).hex()}
            for about, value in _bad_invites(invite).items()
        ],
        "changes": [
            one
            for about, after in changes.items()
            for one in (
                _case(f"{about}, closed", held, after),
                _case(f"{about}, open", open_to_all, _onto(open_to_all, held, after)),
            )
        ]
        + [
            _case("name beside a key of bytes", keyed, extensions.change_settings(keyed, name="x")),
            _case("a key of bytes", keyed, open_to_all),
            _case("as many keys as leave one", held, _filled(held, 63)),
            _case("no key left for a predecessor", held, _filled(held, 64)),
            _case("as many keys with one", followed, _filled(followed, 64)),
            _case("another value of a key of bytes", keyed, cbor.encode(_values(keyed) | {b"later": False})),
        ],
    }


def _case(about: str, before: bytes, after: bytes) -> Json:
    allowed: list[Json] = [role for role in (0, 1, 2) if _may(before, after, role)]
    return {"about": about, "before": before.hex(), "after": after.hex(), "allowed": allowed}


def _filled(data: bytes, size: int) -> bytes:
    """These settings with so many keys."""
    values = _values(data)
    spare = (key for key in range(100, 200))
    while len(values) < size:
        values[next(spare)] = True
    return cbor.encode(values)


def _onto(other: bytes, before: bytes, after: bytes) -> bytes:
    """The same change of other settings."""
    old, new = _values(before), _values(after)
    return cbor.encode(_values(other) | {key: new[key] for key in new if old.get(key) != new[key]})


def _may(before: bytes, after: bytes, role: int) -> bool:
    try:
        check_change(before, after, role)
    except ZajilError:
        return False
    return True


def _bad_invites(invite: Invite) -> dict[str, cbor.Value]:
    good: list[cbor.Value] = [invite.invite_id, 1, EXPIRES]
    return {
        "twice": [good, good],
        "too many": [[bytes([n]) * 16, 0, 1] for n in range(17)],
        "short id": [[b"x", 0, 1]],
        "another policy": [[bytes(16), 2, 1]],
        "no end": [[bytes(16), 0]],
        "no list": 7,
    }


def _refused_links(link: GroupLink) -> list[Json]:
    good: dict[cbor.Key, cbor.Value] = {1: 1, 2: "home.example", 3: link.gid, 4: link.invite_id, 5: link.approver}
    good |= {6: link.contact_token, 7: EXPIRES}
    bad: dict[str, cbor.Value] = {
        "another version": good | {1: 2},
        "no token": {key: value for key, value in good.items() if key != 6},
        "short group": good | {3: b"x"},
        "long name": good | {8: "x" * 257},
        "no number": good | {7: "soon"},
        "no map": [1],
    }
    texts = {about: f"https://home.example/g#{encode_b64(cbor.encode(value))}" for about, value in bad.items()}
    fragment = encode_b64(cbor.encode(good))
    texts |= {"of another kind": f"https://home.example/i#{fragment}", "of a script": f"javascript:/g#{fragment}"}
    return [{"about": about, "link": text} for about, text in texts.items()]
