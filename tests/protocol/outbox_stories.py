"""Stories of the outbox: what happens to it, in order. What it answers is in vectors/outbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.protocol.mailbox_stories import Story, Told, told

from zajil.protocol.outbox import items as i
from zajil.protocol.outbox import marks, order
from zajil.protocol.outbox import sending as s

T0 = 1_790_000_000_000
DAY = 86_400_000
TEXT = i.Item("message", "queued", T0)
COMMIT = i.Item("commit", "queued", T0)
CREATE = i.Item("create", "queued", T0)


def item(name: str, about: str, *pairs: tuple[Any, ...], start: i.Item = TEXT) -> Story:
    """Times are relative to T0."""
    return Story("items", name, about, start, tuple(Told(T0 + at, event) for at, event, *_ in told(*pairs)))


def drained(number: int, *, epoch: int = 5, active: bool = True, staged: bool = False) -> i.Drained:
    return i.Drained(number, active, epoch, staged)


ITEMS = (
    item("text", "A text is sealed, accepted, done.", (5, i.Seal(5)), (90, i.Ok(2))),
    item(
        "text-echo-first",
        "The echo comes before the answer, or instead of it.",
        (5, i.Seal(5)),
        (80, i.Echo(newest=True)),
        (90, i.Ok(2)),
    ),
    item(
        "text-stale-epoch",
        "Not accepted: behind a drain, then the same content again.",
        (5, i.Seal(5)),
        (90, i.Err("stale-epoch", 2)),
        (95, drained(1)),
        (99, drained(2, epoch=6)),
        (100, i.Seal(6)),
        (190, i.Ok(3)),
    ),
    item(
        "text-refused-twice",
        "The epoch does not move although the server calls it stale: the second time we ask to be re-added.",
        (5, i.Seal(5)),
        (90, i.Err("stale-epoch", 2)),
        (99, drained(2)),
        (100, i.Seal(5)),
        (190, i.Err("stale-epoch", 3)),
        (199, drained(3)),
    ),
    item(
        "text-refused-in-two-epochs",
        "Refusals count within one epoch.",
        (5, i.Seal(5)),
        (90, i.Err("stale-epoch", 2)),
        (99, drained(2, epoch=6)),
        (100, i.Seal(6)),
        (190, i.Err("stale-epoch", 3)),
        (199, drained(3, epoch=6)),
    ),
    item(
        "text-bad-group-token",
        "A token that is refused after a drain: we ask at once.",
        (5, i.Seal(5)),
        (90, i.Err("bad-group-token", 2)),
        (99, drained(2)),
    ),
    item(
        "text-bad-roster-key",
        "So for the roster key.",
        (5, i.Seal(5)),
        (90, i.Err("bad-roster-key", 2)),
        (99, drained(2)),
    ),
    item(
        "text-bad-token-gone",
        "Not where we are no member any more.",
        (5, i.Seal(5)),
        (90, i.Err("bad-group-token", 2)),
        (99, drained(2, active=False)),
    ),
    item(
        "text-older-echo",
        "Refused, put back, and its first sealing was accepted after all.",
        (5, i.Seal(5)),
        (90, i.Err("stale-epoch", 2)),
        (95, i.Echo(newest=True)),
    ),
    item(
        "text-older-echo-after-resealing",
        "Sealed anew, then the echo of the earlier sealing: receivers drop the double.",
        (5, i.Seal(5)),
        (90, i.Err("stale-epoch", 2)),
        (99, drained(2)),
        (100, i.Seal(6)),
        (110, i.Echo(newest=False)),
    ),
    item(
        "text-unknown-for-24-h",
        "No answer for a day: the server has forgotten the mid, so behind a drain and sealed anew.",
        (5, i.Seal(5)),
        (DAY + 4, i.Tick(2)),
        (DAY + 5, i.Tick(2)),
        (DAY + 10, drained(2)),
        (DAY + 11, i.Seal(7)),
        (DAY + 90, i.Ok(3)),
    ),
    item("text-30-days", "Given up after 30 days.", (30 * DAY - 1, i.Tick(2)), (30 * DAY, i.Tick(2))),
    item("text-30-days-sealed", "So while its outcome is unknown.", (29 * DAY, i.Seal(5)), (30 * DAY, i.Tick(2))),
    item("text-30-days-held", "So while it is held.", (1, i.HoldBack("lead")), (30 * DAY, i.Tick(2))),
    item("text-refused", "Refused for good: a red mark.", (5, i.Seal(5)), (90, i.Err("too-big", 2))),
    item(
        "text-pass-code", "A code that only a CREATE knows fails a text.", (5, i.Seal(5)), (90, i.Err("pass-spent", 2))
    ),
    item("text-removed", "Removed from the chat before it went out.", (5, i.Removed())),
    item(
        "text-lost-state",
        "The chat's state is lost: put back, sealed in the epoch we join.",
        (5, i.Seal(5)),
        (6, i.Lost()),
        (9, i.Joined(8)),
        (10, i.Seal(8)),
        (11, i.Ok(4)),
    ),
    item("text-await", "Removed and added in one commit: put back.", (5, i.Seal(5)), (6, i.Await()), (9, i.Joined(8))),
    item("text-joined", "Joined anew while its outcome was unknown.", (5, i.Seal(5)), (9, i.Joined(8))),
    item("text-joined-same", "A join at or below its epoch changes nothing.", (5, i.Seal(5)), (9, i.Joined(5))),
    item("text-withdrawn", "Deleted while it waits: never sent.", (5, i.Withdraw())),
    item(
        "text-withdrawn-too-late",
        "Deleted once sealed: it goes out, a deletion follows it.",
        (5, i.Seal(5)),
        (6, i.Withdraw()),
        (9, i.Ok(2)),
    ),
    item(
        "text-held",
        "Another tab leads, then this one.",
        (5, i.HoldBack("lead")),
        (6, i.Seal(5)),
        (7, i.Release()),
        (8, i.Seal(5)),
    ),
    item("text-held-withdrawn", "Deleted while held.", (5, i.HoldBack("upload")), (6, i.Withdraw())),
    item(
        "text-late-answers",
        "Answers after the end change nothing.",
        (5, i.Seal(5)),
        (6, i.Ok(2)),
        (7, i.Err("stale-epoch", 3)),
        (8, i.Echo(newest=True)),
        (9, i.Removed()),
    ),
    item(
        "commit",
        "Accepted, then applied at its echo.",
        (5, i.Seal(5)),
        (90, i.Ok(2)),
        (95, i.Echo(newest=True)),
        start=COMMIT,
    ),
    item("commit-echo-first", "Its echo alone is enough.", (5, i.Seal(5)), (95, i.Echo(newest=True)), start=COMMIT),
    item(
        "commit-echo-lost",
        "Accepted, and the drain after it brings no echo.",
        (5, i.Seal(5)),
        (90, i.Ok(3)),
        (92, drained(2)),
        (95, drained(3)),
        start=COMMIT,
    ),
    item(
        "commit-lost-the-race",
        "Another commit closed the epoch: judged anew on the new tree.",
        (5, i.Seal(5)),
        (90, i.Err("stale-epoch", 2)),
        (92, i.Ended(5)),
        (95, drained(2, epoch=6)),
        (96, i.Seal(6)),
        (99, i.Ok(3)),
        start=COMMIT,
    ),
    item(
        "commit-epoch-open",
        "Refused for its epoch, which is open after the drain: the same bytes again.",
        (5, i.Seal(5)),
        (90, i.Err("stale-epoch", 2)),
        (95, drained(2, staged=True)),
        (99, i.Ok(3)),
        start=COMMIT,
    ),
    item(
        "commit-epoch-open-twice",
        "Twice refused in an epoch that does not move: we ask to be re-added.",
        (5, i.Seal(5)),
        (90, i.Err("stale-epoch", 2)),
        (95, drained(2, staged=True)),
        (96, i.Err("stale-epoch", 3)),
        (99, drained(3, staged=True)),
        start=COMMIT,
    ),
    item(
        "commit-epoch-closed",
        "Refused, and after the drain our epoch is another.",
        (5, i.Seal(5)),
        (90, i.Err("bad-group-token", 2)),
        (95, drained(2, epoch=6)),
        start=COMMIT,
    ),
    item(
        "commit-staged-gone",
        "Refused, and its Staged is gone.",
        (5, i.Seal(5)),
        (90, i.Err("bad-roster-key", 2)),
        (95, drained(2)),
        start=COMMIT,
    ),
    item(
        "commit-late-ok",
        "Refused for its epoch, and then a late OK to an earlier transmission.",
        (5, i.Seal(5)),
        (90, i.Err("stale-epoch", 2)),
        (91, i.Ok(2)),
        (95, drained(2)),
        start=COMMIT,
    ),
    item(
        "commit-refused",
        "Refused otherwise: kept, failed when its epoch ends.",
        (5, i.Seal(5)),
        (90, i.Err("bad-delivery-ref", 2)),
        (95, i.Ended(4)),
        (96, i.Ended(5)),
        (97, i.Sweep()),
        (DAY, i.Sweep()),
        start=COMMIT,
    ),
    item(
        "commit-refused-and-won",
        "Refused otherwise, and a late copy wins.",
        (5, i.Seal(5)),
        (90, i.Err("too-big", 2)),
        (95, i.Echo(newest=True)),
        start=COMMIT,
    ),
    item(
        "commit-older-echo",
        "The echo of a sealing that lost its epoch is no acceptance.",
        (5, i.Seal(5)),
        (95, i.Ended(5)),
        (96, i.Echo(newest=False)),
        start=COMMIT,
    ),
    item(
        "commit-lost-state",
        "The chat's state is lost: a commit of it is pointless.",
        (5, i.Seal(5)),
        (6, i.Lost()),
        (7, i.Echo(newest=True)),
        start=COMMIT,
    ),
    item("commit-await", "So when a Welcome is awaited.", (5, i.Await()), (DAY, i.Sweep()), start=COMMIT),
    item("commit-dropped", "The rules do not allow it any more.", (5, i.Fail("not-permitted")), start=COMMIT),
    item("create", "A chat is created.", (5, i.Seal(0)), (90, i.Ok(2)), start=CREATE),
    item(
        "create-pass-spent",
        "Another pass, twice; then it fails, and with it what waits.",
        (5, i.Seal(0)),
        (6, i.Err("pass-spent", 2)),
        (7, i.Seal(0)),
        (8, i.Err("pass-spent", 2)),
        (9, i.Seal(0)),
        (10, i.Err("pass-spent", 2)),
        start=CREATE,
    ),
    item(
        "create-exists",
        "The answer to our own CREATE was forgotten.",
        (5, i.Seal(0)),
        (6, i.Err("group-exists", 2)),
        start=CREATE,
    ),
    item(
        "create-refused",
        "Refused: what waits for it fails too.",
        (5, i.Seal(0)),
        (6, i.Err("quota", 2)),
        (DAY, i.Sweep()),
        start=CREATE,
    ),
    item(
        "create-epoch-code",
        "A code of epochs says nothing of a CREATE.",
        (5, i.Seal(0)),
        (6, i.Err("stale-epoch", 2)),
        start=CREATE,
    ),
)

EVENTS: tuple[i.Event, ...] = (
    i.Seal(5),
    i.Ok(4),
    i.Err("stale-epoch", 4),
    i.Err("pass-spent", 4),
    i.Err("group-exists", 4),
    i.Err("malformed", 4),
    i.Echo(newest=True),
    i.Echo(newest=False),
    i.Drained(3, True, 5, True),
    i.Drained(3, True, 6, False),
    i.Drained(2, True, 5, True),
    i.Ended(5),
    i.Ended(4),
    i.Joined(6),
    i.Joined(5),
    i.Lost(),
    i.Await(),
    i.Removed(),
    i.Fail("not-permitted"),
    i.Withdraw(),
    i.HoldBack("slow"),
    i.Release(),
    i.Tick(4),
    i.Sweep(),
)


def every_event(kind: i.Kind) -> Story:
    """Each event in each state; ticks early, after a day and after thirty."""
    steps = []
    for state in i.STATES:
        base = i.Item(kind, state, T0, wait=3, epoch=5, sealed_at=T0, reason="stale-epoch", refusals=1, refused_epoch=5)
        for event in EVENTS:
            late = (0, DAY, 30 * DAY) if isinstance(event, i.Tick | i.Sweep) else (9,)
            steps += [Told(T0 + after, event, base) for after in late]
    return Story("items", f"every-event-{kind}", f"Every event in every state of a {kind}.", base, tuple(steps))


def queue(name: str, about: str, *waiting: order.Queued, drained: int = 3, **more: Any) -> Story:
    may = more.pop("may_seal", True)
    start = order.Queue(more.pop("status", "active"), waiting, **more)
    return Story("order", name, about, start, (Told(0, order.Look(drained, may)),))


def text(n: int, state: i.State = "queued", **more: Any) -> order.Queued:
    return order.Queued(n, "message", state, **more)


def add(n: int, state: i.State = "queued", **more: Any) -> order.Queued:
    return order.Queued(n, "commit", state, **more)


def create(n: int, state: i.State = "queued", **more: Any) -> order.Queued:
    return order.Queued(n, "create", state, **more)


ORDER = (
    queue("empty", "Nothing waits."),
    queue("first-in-first-out", "The oldest goes first.", text(1), text(2)),
    queue("one-sealed", "One sealed and unanswered item a chat.", text(1, "sealed"), text(2)),
    queue("commit-accepted", "A commit waits for its echo: nothing goes before it.", add(1, "accepted"), text(2)),
    queue("commit-waiting", "A commit waits for a drain: nothing goes before it.", add(1, "waiting"), text(2)),
    queue("commit-refused", "A refused commit does not hold up texts.", add(1, "refused"), text(2)),
    queue("failed", "A failed one does not hold up anything.", add(1, "failed"), text(2)),
    queue("waits-for-a-drain", "Refused before: not before its drain has ended.", text(1, wait=4), text(2)),
    queue("drain-ended", "The drain has ended.", text(1, wait=3), text(2)),
    queue(
        "add-without-claims",
        "An Add waits for KeyPackages, and messages after it wait with it.",
        add(1, ready=False),
        text(2),
    ),
    queue("text-before-add", "A text submitted before the Add goes first.", text(1), add(2, ready=False)),
    queue("add-ready", "The Add goes, then the text.", add(1), text(2)),
    queue(
        "create-first",
        "A new chat sends nothing before it exists.",
        create(1, ready=False),
        add(2),
        text(3),
        status="creating",
    ),
    queue("create-ready", "With its pass, it is created.", create(1), add(2), status="creating"),
    queue("creating-no-text", "Nothing else is sent while it is created.", text(2), status="creating"),
    queue("gone", "Nothing is sent where we are no member.", text(1), status="gone"),
    queue("refused-chat", "Nothing while we wait to be re-added.", text(1), refused=True),
    queue(
        "urgent",
        "Urgent ones pass texts, in their own order.",
        text(1),
        text(2),
        text(3, urgent=True),
        text(4, urgent=True),
    ),
    queue("urgent-behind-commit", "But no commit.", text(1), add(2, ready=False), text(3, urgent=True)),
    queue("urgent-behind-add", "So a profile comes after the Add that it is for.", add(1), text(2, urgent=True)),
    queue("text-passes-held-media", "Text passes media that are held.", text(1, "held", lane="media"), text(2)),
    queue("media-behind-media", "Media stay in order.", text(1, "held", lane="media"), text(2, lane="media"), text(3)),
    queue("media-in-turn", "Media that are ready go in turn.", text(1, lane="media"), text(2)),
    queue("held-text", "Text behind held text waits.", text(1, "held"), text(2), text(3, lane="media")),
    queue(
        "edit-behind-its-target",
        "An edit waits behind what it edits.",
        text(1, "held", lane="media"),
        text(2, about=1),
        text(3),
    ),
    queue("edit-of-what-is-sent", "What it edits is sent.", text(2, about=1)),
    queue("edit-of-what-failed", "What it edits has failed.", text(1, "failed"), text(2, about=1)),
    queue("not-drained", "Nothing before a drain of this process, nor in an old copy.", text(1), may_seal=False),
)

M1, M2, M3, M4, M5 = (f"{n:02x}" * 16 for n in range(1, 6))


def sent(name: str, about: str, *pairs: tuple[Any, ...], start: s.Sending | None = None) -> Story:
    return Story("sending", name, about, start or s.Sending(), told(*pairs))


def err(rid: int, code: str, *, later: bool, retry_ms: int = 0, jitter: float = 0.5) -> s.Err:
    return s.Err(rid, code, later, retry_ms, jitter)


SEND_EVENTS: tuple[s.Event, ...] = (
    s.Requests((M1,)),
    s.Requests(()),
    s.Whisper(),
    s.Up(),
    s.Usable(resumed=True),
    s.Usable(resumed=False),
    s.Down(0.5),
    s.Ok(1),
    err(1, "busy", later=True),
    err(1, "stale-epoch", later=False),
    s.Tick(),
    s.Stop(),
)
LINKS = (
    s.Sending(),
    s.Sending("opening", requests=(M1,), used_at=900),
    s.Sending("up", requests=(M1, M2), flying=(s.Flying(1, M1),), rid=2, used_at=900, failures=2),
    s.Sending("lost", requests=(M1,), flying=(s.Flying(1, M1),), rid=2, used_at=900, failures=2, retry_at=990),
)


def on_every_link() -> Iterator[Story]:
    for at, event in enumerate(SEND_EVENTS):
        tag = type(event).__struct_config__.tag
        about = f"`{tag}` in every state of the link."
        yield Story(
            "sending",
            f"every-link-{at:02}-{tag}",
            about,
            s.Sending(),
            tuple(Told(1_000, event, link) for link in LINKS),
        )


SENDING = (
    sent(
        "one-request",
        "Opened, sent, accepted, closed after 60 s.",
        (0, s.Requests((M1,)), s.Up(), s.Usable(resumed=False)),
        (50, s.Ok(1), s.Requests(())),
        (60_000, s.Tick()),
        (60_050, s.Tick()),
    ),
    sent(
        "four-at-once",
        "Four on the wire; an answer makes room for the fifth.",
        (0, s.Requests((M1, M2, M3, M4, M5)), s.Up()),
        (50, s.Ok(2)),
    ),
    sent(
        "not-twice",
        "What is on the wire is not sent again.",
        (0, s.Requests((M1,)), s.Up(), s.Requests((M1,)), s.Tick()),
    ),
    sent(
        "refused",
        "A refusal that the same bytes will not outlive.",
        (0, s.Requests((M1,)), s.Up()),
        (50, err(1, "stale-epoch", later=False)),
    ),
    sent(
        "busy",
        "Busy: 1 2 4 s with full jitter.",
        (0, s.Requests((M1,)), s.Up()),
        (0, err(1, "busy", later=True, jitter=1.0)),
        (999, s.Tick()),
        (1_000, s.Tick()),
        (1_000, err(2, "internal", later=True, jitter=1.0)),
        (3_000, s.Tick()),
        (3_000, err(3, "restarting", later=True, jitter=0.25)),
        (4_000, s.Tick()),
    ),
    sent(
        "busy-others-go",
        "One is put off, the others go.",
        (0, s.Requests((M1, M2)), s.Up()),
        (0, err(1, "busy", later=True)),
        (100, s.Requests((M1, M2, M3))),
    ),
    sent(
        "slow-down",
        "The server's word wins, and the caller is told when it is long.",
        (0, s.Requests((M1,)), s.Up()),
        (0, err(1, "slow-down", later=True, retry_ms=5_000)),
        (5_000, s.Tick()),
        (5_000, err(2, "quota", later=True, retry_ms=5_001)),
        (10_001, s.Tick()),
    ),
    sent(
        "new-session",
        "A new session: everything again; a guess of ours is forgotten, the server's word is not.",
        (0, s.Requests((M1, M2, M3)), s.Up()),
        (0, err(1, "busy", later=True, jitter=1.0), err(2, "quota", later=True, retry_ms=9_000)),
        (100, s.Down(0.5)),
        (600, s.Tick(), s.Usable(resumed=False), s.Up()),
        (9_000, s.Tick()),
    ),
    sent(
        "resumed",
        "The session goes on: what is on its way is not sent again, and its answer counts.",
        (0, s.Requests((M1,)), s.Up()),
        (10, s.Down(0.5)),
        (510, s.Tick(), s.Usable(resumed=True)),
        (520, s.Requests((M1, M2)), s.Ok(1)),
    ),
    sent(
        "late-answer",
        "An answer of a session that is gone means nothing.",
        (0, s.Requests((M1,)), s.Up()),
        (10, s.Down(0.0), s.Tick(), s.Up()),
        (20, s.Ok(1), s.Ok(2)),
    ),
    sent(
        "requeued",
        "The core sealed it anew: the old mid is not sent any more, the new one is.",
        (0, s.Requests((M1,)), s.Up()),
        (50, err(1, "stale-epoch", later=False), s.Requests((M2,))),
    ),
    sent(
        "no-server",
        "1 2 4 .. 60 s with full jitter while there is something to send.",
        (0, s.Requests((M1,))),
        *((n * 100_000, s.Down(1.0), s.Tick()) for n in range(8)),
        (900_000, s.Tick()),
    ),
    sent(
        "server-says-when",
        "What the server asks for wins over the back-off.",
        (0, s.Requests((M1,)), s.Up(), s.Down(0.9, 7_000)),
        (6_999, s.Tick()),
        (7_000, s.Tick()),
    ),
    sent(
        "nothing-left",
        "Nothing to connect for any more.",
        (0, s.Requests((M1,)), s.Down(1.0), s.Requests(())),
        (1_000, s.Tick()),
    ),
    sent(
        "whisper",
        "An ephemeral request opens the session and keeps it for 60 s.",
        (0, s.Whisper(), s.Up()),
        (59_999, s.Tick()),
        (60_000, s.Tick()),
    ),
    sent(
        "rid-wraps",
        "After the last rid comes the first.",
        (0, s.Requests((M1, M2)), s.Up()),
        start=s.Sending(rid=s.RID_MAX),
    ),
    *on_every_link(),
)


def every_mark(event: marks.MarkEvent) -> Story:
    steps = tuple(Told(0, {"type": event}, mark) for mark in marks.MARKS)
    return Story("marks", f"every-mark-{event}", f"`{event}` for every mark.", "queued", steps)


def marked(name: str, about: str, *events: marks.MarkEvent) -> Story:
    return Story("marks", name, about, "queued", tuple(Told(0, {"type": event}) for event in events))


MARKS = (
    marked("life", "From the clock to two coloured ticks.", "seal", "accept", "delivered", "read"),
    marked("never-back", "Late news change nothing.", "seal", "read", "delivered", "accept", "seal", "fail"),
    marked("retry", "Failed, tried again, sent.", "seal", "fail", "retry", "seal", "accept"),
    marked("echo-after-failure", "Failed, and it came through after all.", "seal", "fail", "accept"),
    *(every_mark(event) for event in marks.TABLE),
)

STORIES = (*ITEMS, *(every_event(kind) for kind in i.KINDS), *ORDER, *SENDING, *MARKS)
