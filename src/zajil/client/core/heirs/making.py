"""Making a successor of a stuck group: which device of which admin, when, and what becomes of it (service.md 6).

Whoever refused a commit asks to be brought back first, as somebody may have been able to follow it. The admins make a
successor after that, one after the other by the leaf of their device, until one has come.
"""

from __future__ import annotations

from zajil import mls
from zajil.client.core import chats, outbox
from zajil.client.core.groups import ADMIN, DM
from zajil.client.core.heirs import ending, judging, lower, missing, moving
from zajil.client.core.readd import TURN_MS
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Claimed
from zajil.client.state.step import Step
from zajil.protocol.chat.extensions import Predecessor, Reason, with_predecessor
from zajil.protocol.chat.successors import find_people
from zajil.protocol.errors import error

RANK_MS = 10_000
DAY_MS = 86_400_000


def schedule(step: Step, gid: bytes) -> None:
    """A group is stuck for us: make its successor when it is our turn, if we may."""
    chat = step.chat(gid)
    if chat.request or chat.heir is not None or chat.mend_at:
        return
    held = ending.find_held(step, chat)
    rank = None if held is None else _rank(chat, held.offender)
    if held is None or rank is None:
        return
    at = step.now + (rank + 1) * RANK_MS
    if not held.offender and chat.mended_at:
        # Nobody is left out, so whoever broke the last one may break this one too: at most one a day.
        at = max(at, chat.mended_at + DAY_MS)
    step.change_chat(gid, mend_at=at, mend_from=at)


def _rank(chat: Chat, offender: bytes) -> int | None:
    """The place of this device among those of admins, by leaf; None where its account is none."""
    leaves = sorted(
        member.leaf
        for member in chat.members
        if member.account != offender and ending.role_without(chat, member.account, offender) >= ADMIN
    )
    return leaves.index(chat.own_leaf) if chat.own_leaf in leaves else None


def make_due(step: Step) -> None:
    """Make the successors whose time has come."""
    for chat in rows.all_chats(step.tx):
        if not 0 < chat.mend_at <= step.now:
            continue
        if not ending.is_stuck(chat):
            step.change_chat(chat.gid, mend_at=0)
            continue
        if lower.go_along(step, chat):
            continue
        kept = _drop_failed(step, chat)
        if kept is not None and may_reach(step, chat, Reason.STUCK):
            make(step, chat, Reason.STUCK, kept=kept)
            step.change_chat(chat.gid, mend_at=step.now + _pause(step, chat))
        else:
            step.change_chat(chat.gid, mend_at=step.now + TURN_MS)


def _pause(step: Step, chat: Chat) -> int:
    """Milliseconds to the next try: as long as it has been stuck, so twice as long each time, up to a day."""
    return min(DAY_MS, max(missing.PATIENCE_MS, step.now - (chat.mend_from or step.now)))


def may_reach(step: Step, chat: Chat, reason: Reason) -> bool:
    """Whether we know how everybody is reached. Another admin may; what introduces them may also come later."""
    held = ending.find_held(step, chat)
    own = step.profile.account_id
    people = frozenset() if held is None else find_people(held, reason)
    lacking = {who for who in people if who != own and not accounts.known(step, who).contact_token}
    return held is not None and (not lacking or (reason is Reason.STUCK and missing.may_miss(step, chat, lacking)))


def _drop_failed(step: Step, chat: Chat) -> tuple[Claimed, ...] | None:
    """Give up an attempt of ours that could not bring people in; None where one is still on its way.

    The packages that the next one takes over, as each can be handed out once: all that are still valid, unless the
    attempt failed by one of them.
    """
    kept: tuple[Claimed, ...] = ()
    for forming in rows.all_chats(step.tx):
        if forming.forebear != chat.gid or not ending.is_forming(forming):
            continue
        items = [item for _, item in rows.items(step.tx, forming.gid)]
        if any(item.state not in ("queued", "failed", "refused") for item in items):
            return None
        adds = [item for item in items if item.intent is not None and item.intent.op == "add"]
        if forming.suite == chat.suite and all(
            item.state != "refused" and item.reason != "bad-signature" for item in adds
        ):
            kept = tuple(claim for item in adds for claim in item.claims if is_valid(step, claim))
        ending.drop(step, forming)
    return kept


def is_valid(step: Step, claim: Claimed) -> bool:
    """Whether a package is in its lifetime still, and of a device that its account did not end since."""
    listed = accounts.known(step, claim.account).devices
    if listed and all(device != claim.device for device, _ in listed):
        return False
    try:
        lifetime = mls.parse_key_package(claim.key_package).leaf_node.lifetime
    except mls.MlsError:
        return False
    return lifetime is not None and lifetime.not_before <= step.now // 1000 <= lifetime.not_after


def make(
    step: Step, chat: Chat, reason: Reason, *, suite: mls.Suite | None = None, kept: tuple[Claimed, ...] = ()
) -> bytes:
    """Queue a successor of this group and the Add of everybody in it; its id. It is hidden until they are in.

    suite: another one than the group has. kept: packages that need not be claimed, as an attempt before this one did.
    Raises `chat-stuck` where nothing is held of the group.
    """
    held = ending.find_held(step, chat)
    if held is None:
        raise error("chat-stuck", "an epoch to follow")
    told = Predecessor(held.gid, held.epoch, held.authenticator, reason)
    own = step.profile.account_id
    people = [who for who in chat.accounts() if who in find_people(held, reason) and who != own]
    if reason is Reason.STUCK and chat.kind != DM:
        people = [who for who in people if accounts.known(step, who).contact_token]  # see may_reach
    invited = [chat.peer] if chat.kind == DM else people
    data, suite = with_predecessor(held.settings, told), suite or mls.suite_of(chat.suite)
    # In one commit, as the others judge who is in it by its first Welcome.
    gid = chats.begin(step, data, invited, suite=suite, most=len(invited) + 1)
    step.change_chat(gid, quiet=True, title=chat.title)
    for n, item in rows.items(step.tx, gid):
        if item.intent is not None:
            # Who is out since does not come along by a package of before.
            claims = tuple(claim for claim in kept if claim.account in item.intent.accounts)
            outbox.change_item(step, n, item, claims=claims, claimed=tuple(dict.fromkeys(c.account for c in claims)))
    return gid


def settle_made(step: Step, chat: Chat) -> None:
    """A commit of ours stands in this group: where that brought everybody into a successor, the chat goes on there."""
    old = rows.find_chat(step.tx, chat.forebear) if chat.forebear else None
    if old is None or chat.epoch != 1 or chat.merged or not chat.quiet:
        return
    held, group, ahead = ending.find_held(step, old), step.load_group(chat.gid), 0
    own, device = step.profile.account_id, step.profile.device_id
    reason = None if held is None else judging.find_reason(step, old, held, group, own, own=True)
    if held is not None and reason is None:
        # While it was on its way, we may be brought back to where the epoch that it names never was: others follow it.
        ahead = judging.find_ahead(step, old, held, group, own, device)
        reason = Reason.STUCK if ahead else None
    if reason is None or not ending.is_undecided(step, old):
        # The old group went on after all, or another one in its place, or somebody is missing here: nobody follows.
        step.change_chat(chat.gid, status="left")
        return
    moving.follow(step, old, chat.gid, by=own, leaf=old.own_leaf, reason=reason, ahead=ahead)
