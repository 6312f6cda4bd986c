"""A group of four with a hostile member, for the tests of successor groups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from tests.client.phone import Phone
from tests.client.world import World, begin

from zajil import mls
from zajil.client import listing
from zajil.client.state import rows
from zajil.client.state.rows import Chat, Intent
from zajil.mls.tree import treekem
from zajil.protocol import frames


def open_world(folder: Path, *, seed: int = 21) -> World:
    """Amal owns a group, Boris is an admin, Cleo and Mallory are members; all know each other."""
    return begin(_build, folder, seed=seed)


def _build(world: World) -> None:
    amal, boris, cleo, mallory = (world.enrol(name) for name in ("amal", "boris", "cleo", "mallory"))
    world.befriend()
    world.settle()
    world.open_main(amal, [boris], [boris, cleo, mallory])


@contextmanager
def broken_paths() -> Iterator[None]:
    """Commits made meanwhile are signed and confirmed as they should be; no secret of their path opens."""
    honest = treekem.DrawnPath.seal

    def spoilt(drawn: treekem.DrawnPath, *args: object, **named: object) -> treekem.UpdatePath:
        path = honest(drawn, *args, **named)  # type: ignore[arg-type]  # passed through as it came
        nodes = tuple(
            replace(
                node,
                encrypted_path_secret=tuple(
                    replace(one, ciphertext=bytes([one.ciphertext[0] ^ 1]) + one.ciphertext[1:])
                    for one in node.encrypted_path_secret
                ),
            )
            for node in path.nodes
        )
        return replace(path, nodes=nodes)

    with patch.object(treekem.DrawnPath, "seal", spoilt):
        yield


def break_group(phone: Phone) -> None:
    """The server takes a commit of this member that nobody can follow."""
    with broken_paths():
        phone.intend(phone.world.main, Intent("update"))
        phone.post()
    (request,) = (frame for sender, _, frame in phone.world.wire if sender is phone)
    assert isinstance(request, frames.Commit)
    phone.world.serve(phone)


def places(phone: Phone) -> list[Chat]:
    """The groups that a person sees as chats."""
    with phone.core.look() as step:
        return [chat for chat in rows.all_chats(step.tx) if chat.kind == 2 and not chat.merged and not chat.quiet]


def place(phone: Phone) -> Chat:
    """The one chat that the group is to a person."""
    (found,) = (chat for chat in places(phone) if chat.status != "removed")
    return found


def shown(phone: Phone) -> list[str]:
    """The texts of that chat."""
    gid = place(phone).gid
    with phone.core.look() as step:
        return [message.text for message in listing.messages(step, gid, 100)]


def lines(phone: Phone) -> list[str]:
    """The lines of that chat that are no messages."""
    gid = place(phone).gid
    with phone.core.look() as step:
        return [line.code for line in listing.notices(step, gid)]


def members(phone: Phone) -> set[str]:
    """Who is in that chat, by the names of this world; `away` for who is not in it now."""
    people = {other.device[0]: other.name for other in phone.world.phones.values()}
    return {people.get(account, "away") for account in place(phone).accounts()}


def group_of(phone: Phone, gid: bytes) -> mls.Group:
    """The MLS state of a group."""
    with phone.core.look() as step:
        return step.load_group(gid)
