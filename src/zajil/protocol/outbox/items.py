"""One item of the outbox: how events move it.

Theory of operation. An item is sealed once: ratchet, ciphertext and mid in one transaction, and the whole request is
repeated verbatim while its outcome is unknown. The outcome is an OK, an ERR, or the item's echo in the mailbox, which
counts as OK whatever else happened. A refusal for the epoch puts a message back behind a drain, to be sealed anew
with another mid; its content is fixed, so receivers drop a double. A commit changes nothing before its echo: accepted,
it waits for that; refused for its epoch, it waits for the drain that tells whether the epoch is still open; refused
otherwise, it is kept until its epoch ends, since a late copy of it may still win. The hashes of all sealings outlive
them until the item is done.

    queued -> sealed -> done                                 create, message
    queued -> sealed -> accepted -> done                     commit; done at its echo
              sealed -> waiting  -> sealed | queued          commit refused for its epoch, after the drain
              sealed -> refused  -> failed | done            commit refused otherwise
    queued <-> held;  any -> failed (create, commit) or done with a mark `failed` (message)

`drain` in an event is the number of the HELLO whose DRAINED answers a wish of now. `now`: Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

DAY_MS = 86_400_000
# So long the same bytes are repeated while the outcome is unknown: the server forgets a mid after that.
UNKNOWN_MS = DAY_MS
GIVE_UP_MS = 30 * DAY_MS
EPOCH_REFUSALS: Final = ("stale-epoch", "bad-group-token", "bad-roster-key")
TOKEN_REFUSALS: Final = ("bad-group-token", "bad-roster-key")
# Refusals in one epoch that does not move on, before we ask to be re-added.
PATIENCE = 2

Kind = Literal["create", "commit", "message"]
State = Literal["queued", "held", "sealed", "accepted", "waiting", "refused", "failed", "done"]
KINDS: Final[tuple[Kind, ...]] = ("create", "commit", "message")
STATES: Final[tuple[State, ...]] = ("queued", "held", "sealed", "accepted", "waiting", "refused", "failed", "done")
# A commit of these states has a Staged: its epoch may still become ours.
STAGED: Final = ("sealed", "accepted", "waiting", "refused")


class Item(msgspec.Struct, frozen=True):
    """at: submitted. wait: number of the drain that must end first, 0 for none. epoch, sealed_at: of the sealing.

    reason: of the last refusal. refusals: in a row within refused_epoch.
    """

    kind: Kind
    state: State
    at: int
    wait: int = 0
    epoch: int = 0
    sealed_at: int = 0
    reason: str = ""
    refusals: int = 0
    refused_epoch: int = -1


# -- events
class Seal(msgspec.Struct, frozen=True, tag="seal"):
    """It was sealed in this epoch, within this transaction."""

    epoch: int


class Ok(msgspec.Struct, frozen=True, tag="ok"):
    """The server holds the request durably, as of now or since before."""

    drain: int


class Err(msgspec.Struct, frozen=True, tag="err"):
    """The server refused the request, and not for being busy or limited."""

    code: str
    drain: int


class Echo(msgspec.Struct, frozen=True, tag="echo"):
    """It came through our own mailbox. newest: these are the bytes of its last sealing."""

    newest: bool


class Drained(msgspec.Struct, frozen=True, tag="drained"):
    """A drain ended. active, epoch: of the chat now. staged: our own commit is still held beside it."""

    drained: int
    active: bool
    epoch: int
    staged: bool


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The chat left this epoch."""

    epoch: int


class Joined(msgspec.Struct, frozen=True, tag="joined"):
    """We joined the chat anew, at this epoch."""

    epoch: int


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """The chat's MLS state is gone."""


class Await(msgspec.Struct, frozen=True, tag="await"):
    """We were removed and added in one commit: a Welcome follows."""


class Removed(msgspec.Struct, frozen=True, tag="removed"):
    """We are no member of the chat any more."""


class Fail(msgspec.Struct, frozen=True, tag="fail"):
    """It cannot be sent. code: an error code."""

    code: str


class Withdraw(msgspec.Struct, frozen=True, tag="withdraw"):
    """The person deleted it."""


class HoldBack(msgspec.Struct, frozen=True, tag="hold"):
    """It must wait for something of its own. why: an upload, a slow route, another tab that leads."""

    why: Literal["upload", "slow", "lead"]


class Release(msgspec.Struct, frozen=True, tag="release"):
    """What it waited for is there."""


class Tick(msgspec.Struct, frozen=True, tag="tick"):
    """Time passed."""

    drain: int


class Sweep(msgspec.Struct, frozen=True, tag="sweep"):
    """Once a day."""


Event: TypeAlias = (
    Seal
    | Ok
    | Err
    | Echo
    | Drained
    | Ended
    | Joined
    | Lost
    | Await
    | Removed
    | Fail
    | Withdraw
    | HoldBack
    | Release
    | Tick
    | Sweep
)


# -- actions
class Mark(msgspec.Struct, frozen=True, tag="mark"):
    """Tell `marks` of an own message."""

    event: Literal["seal", "accept", "fail"]
    reason: str = ""


class ForgetMid(msgspec.Struct, frozen=True, tag="forget_mid"):
    """An answer to its mid means nothing any more; the next sealing takes another one."""


class Finish(msgspec.Struct, frozen=True, tag="finish"):
    """It is done: drop it with everything that knows it."""


class Drain(msgspec.Struct, frozen=True, tag="drain"):
    """Ask for a drain that begins after now."""


class Readd(msgspec.Struct, frozen=True, tag="readd"):
    """We have lost the group's thread: ask to be re-added. reason: of the request."""

    reason: Literal["gap", "refused"]


class Created(msgspec.Struct, frozen=True, tag="created"):
    """The chat exists at the server: it is active."""


class ApplyCommit(msgspec.Struct, frozen=True, tag="apply_commit"):
    """Our own commit stands in the mailbox: apply its Staged, if that still follows our epoch."""


class RenewPass(msgspec.Struct, frozen=True, tag="renew_pass"):
    """Fetch another pass before it is sealed again."""


class Abandon(msgspec.Struct, frozen=True, tag="abandon"):
    """The chat could not be created: nothing that waits for it will be sent."""

    code: str


Action: TypeAlias = Mark | ForgetMid | Finish | Drain | Readd | Created | ApplyCommit | RenewPass | Abandon
Result: TypeAlias = tuple[Item, tuple[Action, ...]]
Rule: TypeAlias = Callable[[Item, Any, int], Result]  # Any: each row's rule takes the event of its row


def step(item: Item, event: Event, now: int) -> tuple[Item, tuple[Action, ...], int | None]:
    """The item after an event, what to do in this order, and when a `tick` is due (None: never).

    An event that no row of TABLE names for the item changes nothing.
    """
    row = find_row(item, event, now)
    item, actions = (item, ()) if row is None else row.rule(item, event, now)
    return item, actions, next_deadline(item)


def next_deadline(item: Item) -> int | None:
    """When a `tick` has something to do."""
    if item.kind != "message" or item.state in ("failed", "done"):
        return None
    give_up_at = item.at + GIVE_UP_MS
    return min(item.sealed_at + UNKNOWN_MS, give_up_at) if item.state == "sealed" else give_up_at


def _change(item: Item, **fields: object) -> Item:
    return msgspec.structs.replace(item, **fields)


# -- cases: what of an event decides, beside kind and state
def find_case(item: Item, event: Event, now: int) -> str:
    """The case of the table that an event is for this item; empty where it has only one."""
    match event:
        case Err():
            return _refusal_case(item, event.code)
        case Echo():
            return "newest" if event.newest and item.state not in ("queued", "held") else "older"
        case Drained():
            return _drained_case(item, event)
        case Ended():
            return "its" if item.epoch == event.epoch else "another"
        case Joined():
            return "earlier" if item.epoch < event.epoch else "same"
        case Tick():
            if now - item.at >= GIVE_UP_MS:
                return "30 days"
            return "24 hours" if now - item.sealed_at >= UNKNOWN_MS else "early"
        case Sweep():
            return "24 hours" if now - item.at >= DAY_MS else "early"
        case _:
            return ""


def _refusal_case(item: Item, code: str) -> str:
    if item.kind != "create":
        return "epoch" if code in EPOCH_REFUSALS else "other"
    if code == "pass-spent" and item.refusals < PATIENCE:
        return "pass"
    # Nobody else knows this random id: our own CREATE was accepted, and its answer forgotten after 24 h.
    return "exists" if code == "group-exists" else "other"


def _drained_case(item: Item, event: Drained) -> str:
    if not item.wait or item.wait > event.drained:
        return "early"
    if item.state == "waiting":
        return "open" if event.active and event.staged and event.epoch == item.epoch else "closed"
    return "over"


# -- rules
def _seal(item: Item, event: Seal, now: int) -> Result:
    sealed = _change(item, state="sealed", epoch=event.epoch, wait=0, sealed_at=now)
    return sealed, (Mark("seal"),) if item.kind == "message" else ()


def _accept(item: Item, _: object, __: int) -> Result:
    """OK, OK with dup, or the echo: the message is durable at the server."""
    return _change(item, state="done"), (Mark("accept"), Finish())


def _create(item: Item, _: object, __: int) -> Result:
    return _change(item, state="done"), (Created(), Finish())


def _accept_commit(item: Item, event: Ok, _: int) -> Result:
    """It stands in our mailbox already: a drain that begins after now and brings no echo means that it was lost."""
    return _change(item, state="accepted", wait=event.drain), ()


def _apply_commit(item: Item, _: Echo, __: int) -> Result:
    return _change(item, state="done"), (Finish(), ApplyCommit())


def _refused(item: Item, code: str) -> Item:
    """One more refusal in a row within the epoch of the sealing."""
    again = item.refusals + 1 if item.refused_epoch == item.epoch else 1
    return _change(item, reason=code, refusals=again, refused_epoch=item.epoch)


def _refuse_message(item: Item, event: Err, _: int) -> Result:
    """Not accepted: the same content again, after a drain."""
    queued = _change(_refused(item, event.code), state="queued", wait=event.drain, epoch=0)
    return queued, (ForgetMid(), Drain())


def _refuse_commit(item: Item, event: Err, _: int) -> Result:
    """The same bytes may still win: whether their epoch is open is known after a drain."""
    return _change(_refused(item, event.code), state="waiting", wait=event.drain), (Drain(),)


def _refuse_create(item: Item, event: Err, _: int) -> Result:
    queued = _change(_refused(item, event.code), state="queued", wait=0, epoch=0)
    return queued, (ForgetMid(), RenewPass())


def _keep_refused(item: Item, event: Err, _: int) -> Result:
    """Not resent, and kept with its Staged until the epoch ends: a late copy may still win."""
    return _change(item, state="refused", reason=event.code), ()


def _requeue(item: Item, _: object, __: int) -> Result:
    """To be sealed anew."""
    return _change(item, state="queued", wait=0, epoch=0), (ForgetMid(),)


def _forget_outcome(item: Item, event: Tick, _: int) -> Result:
    """The server has forgotten the mid by now; receivers drop a double."""
    return _change(item, state="queued", wait=event.drain, epoch=0), (ForgetMid(), Drain())


def _open_again(item: Item, event: Drained, _: int) -> Result:
    """The epoch is open after all, so the same bytes go again."""
    return _change(item, state="sealed", wait=0), _lose_patience(item, event)


def _drop_wait(item: Item, event: Drained, _: int) -> Result:
    return _change(item, wait=0), _lose_patience(item, event)


def _lose_patience(item: Item, event: Drained) -> tuple[Action, ...]:
    """The epoch did not move although the server refuses it."""
    if not event.active or event.epoch != item.refused_epoch:
        return ()
    if item.reason in TOKEN_REFUSALS or item.refusals >= PATIENCE:
        return (Readd("refused"),)
    return ()


def _miss_echo(item: Item, _: Drained, __: int) -> Result:
    return item, (Readd("gap"),)


def _fail(item: Item, code: str) -> Result:
    """A message leaves its red mark; a create or commit stays until its caller saw it."""
    if item.kind == "message":
        return _change(item, state="done", reason=code), (Mark("fail", code), Finish())
    failed = _change(item, state="failed", reason=code)
    return failed, (ForgetMid(), Abandon(code)) if item.kind == "create" else (ForgetMid(),)


def _fail_by_code(item: Item, event: Err | Fail, _: int) -> Result:
    return _fail(item, event.code)


def _fail_by_reason(item: Item, _: Ended, __: int) -> Result:
    return _fail(item, item.reason)


def _fail_stuck(item: Item, _: object, __: int) -> Result:
    return _fail(item, "chat-stuck")


def _fail_removed(item: Item, _: object, __: int) -> Result:
    return _fail(item, "not-a-member")


def _give_up(item: Item, _: Tick, __: int) -> Result:
    return _fail(item, "unreachable")


def _finish(item: Item, _: object, __: int) -> Result:
    return _change(item, state="done"), (Finish(),)


def _hold(item: Item, event: HoldBack, _: int) -> Result:
    return _change(item, state="held", reason=event.why), ()


def _release(item: Item, _: Release, __: int) -> Result:
    return _change(item, state="queued", reason=""), ()


class Row(NamedTuple):
    """One row of the table: for these kinds and states, an event of this case moves the item so."""

    event: type[msgspec.Struct]
    kinds: tuple[Kind, ...]
    states: tuple[State, ...]
    case: str
    rule: Rule

    @property
    def name(self) -> str:
        """How vectors and docs call the row."""
        about = f" ({self.case})" if self.case else ""
        tag = self.event.__struct_config__.tag
        return f"{tag}{about}: {'|'.join(self.kinds)} {'|'.join(self.states)}"


_M: Final[tuple[Kind, ...]] = ("message",)
_C: Final[tuple[Kind, ...]] = ("commit",)
_N: Final[tuple[Kind, ...]] = ("create",)
_NC: Final[tuple[Kind, ...]] = ("create", "commit")
_ALIVE: Final[tuple[State, ...]] = ("queued", "held", "sealed", "accepted", "waiting", "refused")

ROWS: Final[tuple[Row, ...]] = (
    # event, kinds, states, case, rule
    Row(Seal, KINDS, ("queued",), "", _seal),
    Row(Ok, _M, ("sealed",), "", _accept),
    Row(Ok, _N, ("sealed",), "", _create),
    Row(Ok, _C, ("sealed", "waiting"), "", _accept_commit),
    Row(Echo, _M, ("sealed",), "newest", _accept),
    Row(Echo, _M, ("queued", "held", "sealed"), "older", _accept),
    Row(Echo, _C, ("sealed", "accepted", "waiting", "refused", "failed"), "newest", _apply_commit),
    Row(Err, _M, ("sealed",), "epoch", _refuse_message),
    Row(Err, _C, ("sealed",), "epoch", _refuse_commit),
    Row(Err, _N, ("sealed",), "pass", _refuse_create),
    Row(Err, _N, ("sealed",), "exists", _create),
    Row(Err, _C, ("sealed",), "other", _keep_refused),
    Row(Err, ("create", "message"), ("sealed",), "other", _fail_by_code),
    Row(Drained, _C, ("waiting",), "open", _open_again),
    Row(Drained, _C, ("waiting",), "closed", _requeue),
    Row(Drained, _C, ("accepted",), "over", _miss_echo),
    Row(Drained, KINDS, ("queued", "held"), "over", _drop_wait),
    Row(Ended, _C, ("sealed", "accepted", "waiting"), "its", _requeue),
    Row(Ended, _C, ("refused",), "its", _fail_by_reason),
    Row(Joined, KINDS, STAGED, "earlier", _requeue),
    Row(Lost, _M, ("sealed",), "", _requeue),
    Row(Lost, _C, _ALIVE, "", _fail_stuck),
    Row(Await, _M, ("sealed",), "", _requeue),
    Row(Await, _NC, _ALIVE, "", _fail_stuck),
    Row(Removed, KINDS, _ALIVE, "", _fail_removed),
    Row(Fail, KINDS, _ALIVE, "", _fail_by_code),
    Row(Withdraw, _M, ("queued", "held"), "", _finish),
    Row(HoldBack, _M, ("queued",), "", _hold),
    Row(Release, _M, ("held",), "", _release),
    Row(Tick, _M, ("sealed",), "24 hours", _forget_outcome),
    Row(Tick, _M, ("queued", "held", "sealed"), "30 days", _give_up),
    Row(Sweep, _NC, ("failed",), "24 hours", _finish),
)


def _make_table() -> Mapping[tuple[type[msgspec.Struct], Kind, State, str], Row]:
    return {(row.event, kind, state, row.case): row for row in ROWS for kind in row.kinds for state in row.states}


TABLE: Final = MappingProxyType(_make_table())


def find_row(item: Item, event: Event, now: int) -> Row | None:
    """The row of the table for an event, None where it changes nothing."""
    return TABLE.get((type(event), item.kind, item.state, find_case(item, event, now)))
