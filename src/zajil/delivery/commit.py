"""COMMIT: one epoch forward. What the server can see of a commit is checked here; the epoch is won in the engine.

The AAD is bound by the committer's signature, and members compare it with the proposals. That it equals the request
makes the fan-out follow what members agreed to: nobody is dropped, added or redirected unseen.
"""

from __future__ import annotations

from zajil.delivery.requests import entries_of, key_of, prepare_off_loop
from zajil.engine.sql.interface import Accepted, Commit
from zajil.engine.sql.mailboxes import MailboxEngine
from zajil.protocol import frames, limits
from zajil.protocol.chat.aad import CommitAad, hash_refs, parse_aad
from zajil.protocol.errors import error
from zajil.protocol.mlsheader import COMMIT, parse_header
from zajil.protocol.roster import RosterEntry


def prepare(frame: frames.Commit) -> Commit:
    """The engine's operation for this frame.

    Raises Malformed: `too-big`; `malformed` for a header of another group, epoch or type, an AAD that differs from the
    request, leaves out of order, or a Welcome without anybody to welcome.
    """
    if len(frame.commit) > limits.COMMIT_BYTES or len(frame.welcome or b"") > limits.WELCOME_BYTES:
        raise error("too-big")
    if len(frame.add) > limits.ADDED_LEAVES:
        raise error("too-big", "added leaves")
    header = parse_header(frame.commit)
    if (header.group_id, header.epoch, header.content_type) != (frame.gid, frame.epoch, COMMIT):
        raise error("malformed", "commit header differs from the request")
    add = entries_of(frame.add)
    _check_aad(frame, add, header.authenticated_data)
    # Without a Welcome only a replacement of the committer's own entry is left: the leaf is in both lists.
    if frame.welcome is None and not {entry.leaf for entry in add} <= set(frame.rm):
        raise error("malformed", "adds without a Welcome")
    if frame.welcome is not None and not add:
        raise error("malformed", "a Welcome for nobody")
    return Commit(
        key=key_of(frame),
        body_hash=frames.request_hash(frame),
        gid=frame.gid,
        epoch=frame.epoch,
        token=frame.token,
        roster_key=frame.roster_key,
        new_roster_key=frame.new_roster_key,
        next_token_hash=frame.next_token_hash,
        add=add,
        rm=frame.rm,
        commit=frame.commit,
        welcome=frame.welcome,
    )


def _check_aad(frame: frames.Commit, add: tuple[RosterEntry, ...], data: bytes) -> None:
    given = parse_aad(data)
    added = tuple(entry.leaf for entry in add)
    refs_hash = hash_refs([entry.deliver_to for entry in add])
    wanted = CommitAad(added, frame.rm, frame.new_roster_key is not None, refs_hash)
    if given != wanted:
        raise error("malformed", "AAD differs from the request")


async def commit(engine: MailboxEngine, frame: frames.Commit) -> Accepted:
    """This commit won its epoch, durably. Raises what `prepare` and the engine's `Commit` raise."""
    size = len(frame.commit) + len(frame.welcome or b"")
    return await engine.commit(await prepare_off_loop(prepare, frame, size))
