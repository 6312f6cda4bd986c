"""Which Welcomes may take the place of the state that we hold of a chat.

A Welcome brings a whole group: its tree, roles, settings and cipher suite are what its signer chose. So a Welcome into
a chat that we hold is judged as a commit is: by the difference between the held tree and the offered one, and by the
role that the signer has in the held tree. Devices of our own account are trusted with people and rights.
"""

from __future__ import annotations

from zajil import mls
from zajil.client.core import judge
from zajil.client.core.groups import ADMIN, DM, OWNER, role_of
from zajil.client.core.heirs import returning
from zajil.client.core.joins import asking as joins
from zajil.client.state.notices import Notice, add_notices, load_notices
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.errors import error

LINE_PAUSE_MS = 3_600_000
"""One account causes one line of a refused Welcome in this time, however many it sends."""


class RefusedWelcome(judge.Vetoed):
    """A Welcome by an account that may bring us back, with a group that it may not bring. by: the account."""

    def __init__(self, rule: str, by: bytes) -> None:
        super().__init__(rule)
        self.by = by


def check_welcome(step: Step, held: Chat, offered: Chat, group: mls.Group, signer: int) -> None:
    """Passes when an offered group may take the place of our state of a chat.

    offered: the chat as it would be. group: its MLS state. signer: leaf of the Welcome's signer in it.
    Raises Malformed for an epoch that we held, `not-allowed` where the signer may not bring us back at all, and
    RefusedWelcome where it may, but not into this group.
    """
    if group.epoch <= held.top:
        raise error("malformed", "Welcome of an epoch held before")
    member = offered.at(signer)
    if member is None:
        raise error("malformed", "signer")
    by, own = member.account, step.profile.account_id
    if held.ended is not None and held.ended.offender == by:
        raise error("not-allowed", "Welcome into a group whose change we refused")
    asked = held.asking is not None and by in held.asking.asked
    invited = joins.is_asked(step, held.gid, by)
    if not (by == own or asked or invited or _may_add(held, by)):
        raise error("not-allowed", "Welcome for a known group")
    try:
        _check_shape(held, offered)
        if returning.undoes(step, held, group):
            raise judge.Vetoed("removed member")
        # After we left, a link that we ask by leads into a new membership: what we held before binds nobody.
        if by != own and not (invited and is_out(held)):
            _check_people(held, offered, by, own)
            _check_rights(held, offered, by, own)
    except judge.Vetoed as problem:
        raise RefusedWelcome(problem.rule, by) from None


def note_refused(step: Step, gid: bytes, by: bytes) -> None:
    """Tell people of a refused Welcome: an event, and a line in the chat."""
    step.event("refused-welcome", gid, account=by)
    earlier = (line for line in load_notices(step.tx, gid) if (line.code, line.account) == ("refused-welcome", by))
    if all(line.at + LINE_PAUSE_MS < step.now for line in earlier):
        add_notices(step.tx, gid, (Notice("refused-welcome", by, step.now),))


def is_out(chat: Chat) -> bool:
    """True if we are no member by what we hold: we left, or were removed."""
    return chat.status in ("removed", "left")


def holds_tree(chat: Chat) -> bool:
    """True if the chat has a tree of its group. Before its first Welcome, a restored or linked device has none."""
    return bool(chat.settings)


def _may_add(held: Chat, account: bytes) -> bool:
    return account in held.accounts() and role_of(held, account) >= held.perms.get("add", ADMIN)


def _check_shape(held: Chat, offered: Chat) -> None:
    """Kind, partner, cipher suite and predecessor are fixed for the life of a group. Raises Vetoed."""
    if offered.kind != held.kind or (held.kind == DM and held.peer not in (b"", offered.peer)):
        raise judge.Vetoed("kind")
    if holds_tree(held) and offered.suite != held.suite:
        raise judge.Vetoed("suite")
    if holds_tree(held) and offered.forebear != held.forebear:
        raise judge.Vetoed("predecessor")


def _check_people(held: Chat, offered: Chat, by: bytes, own: bytes) -> None:
    """Newcomers come by a signer who may add, and are nobody that we saw removed. Raises Vetoed.

    Members may be missing: they may have left while we were away. An admin or owner is missing only by the word of an
    account that may remove them, or the admins that remain would become owners.
    """
    if not holds_tree(held):
        return
    before, after = held.accounts(), offered.accounts()
    newcomers = [account for account in after if account not in before and account != own]
    if not is_out(held) and any(account in held.put_out for account in newcomers):
        raise judge.Vetoed("removed member")
    if newcomers and not _may_add(held, by):
        raise judge.Vetoed("newcomer")
    for account in before:
        role = role_of(held, account)
        if account not in after and account != own and role >= ADMIN and account not in held.left:
            judge.check_change(held, judge.Change(by, (), ((account, 0),), settings=False))


def _check_rights(held: Chat, offered: Chat, by: bytes, own: bytes) -> None:
    """Roles and settings differ by no more than the signer could commit. Raises Vetoed.

    A restored device does not know its own role: a backup names those of the others alone.
    """
    judged = [who for who in offered.accounts() if who != own or holds_tree(held)]
    if role_of(held, by) < OWNER and any(role_of(offered, who) > role_of(held, who) for who in judged):
        raise judge.Vetoed("role")
    if holds_tree(held):
        judge.check_new_settings(held, by, held.settings, offered.settings)
