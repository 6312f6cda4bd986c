"""Stories of the mailbox: what happens to it, in order. What it answers is in vectors/mailbox."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from zajil.protocol.mailbox import intake
from zajil.protocol.mailbox import receiving as r

KB = 1024


class Told(NamedTuple):
    """One event. state: set first, where given."""

    at: int
    event: Any  # each machine has its own events
    state: Any = None


class Story(NamedTuple):
    """A start and what is told. name: of the file, behind the machine's."""

    machine: str
    name: str
    about: str
    start: Any
    steps: tuple[Told, ...]


def told(*pairs: tuple[Any, ...]) -> tuple[Told, ...]:
    """Steps from (at, event, event, ...): several events at one time."""
    return tuple(Told(pair[0], event) for pair in pairs for event in pair[1:])


def messages(first: int, count: int, size: int = 100) -> tuple[r.Message, ...]:
    return tuple(r.Message(seq, size) for seq in range(first, first + count))


DRAINED = (r.Up(0), r.Ready(), r.Drained())
LIVE = r.Receiving("live", "live", stored=7, acked=7)
OPENING = r.Receiving("opening", "opening", stored=7, acked=7)
DRAINING = r.Receiving("draining", "draining", stored=7, acked=7)
LOST = r.Receiving("lost", "live", stored=7, acked=7, tries=1, retry_at=900)
IDLE = r.Receiving()
PHASES = (IDLE, OPENING, DRAINING, LIVE, LOST)
EVENTS: tuple[r.Event, ...] = (
    r.Up(9),
    r.Resumed(),
    r.Ready(),
    r.Message(8, 100),
    r.Pause(),
    r.Stored(8),
    r.Unstored(),
    r.Drained(),
    r.Gap(3),
    r.Malformed(),
    r.Want(),
    r.Down(0.5),
    r.Tick(),
    r.Stop(),
)


def in_every_phase(event: r.Event) -> Story:
    tag = type(event).__struct_config__.tag
    states: tuple[r.Receiving, ...] = PHASES
    if isinstance(event, r.Stored | r.Unstored):
        states = tuple(msgspec.structs.replace(state, applying=8, batch=1) for state in PHASES)
    steps = tuple(Told(1_000, event, state) for state in states)
    return Story("receiving", f"every-phase-{tag}", f"`{tag}` in every phase.", IDLE, steps)


def receiving(name: str, about: str, *pairs: tuple[Any, ...], start: r.Receiving = IDLE) -> Story:
    return Story("receiving", name, about, start, told(*pairs))


RECEIVING = (
    receiving("empty-mailbox", "A first drain of an empty mailbox.", (0, *DRAINED)),
    receiving(
        "first-drain",
        "Three messages come with the drain: one batch, then one acknowledgement, then the end of the drain.",
        (0, r.Up(4), r.Ready(), *messages(5, 3), r.Drained()),
        (20, r.Stored(7)),
    ),
    receiving(
        "drained-waits",
        "DRAINED stands behind messages that are being stored: it ends the drain only after them.",
        (0, r.Up(0), r.Ready(), *messages(1, 2), r.Pause(), *messages(3, 1), r.Drained()),
        (10, r.Stored(2)),
        (20, r.Stored(3)),
    ),
    receiving(
        "ack-after-250-ms",
        "One message in a live session is acknowledged 250 ms later, with what came meanwhile.",
        (0, *DRAINED),
        (1_000, *messages(1, 1), r.Pause()),
        (1_010, r.Stored(1)),
        (1_100, *messages(2, 1), r.Pause()),
        (1_110, r.Stored(2)),
        (1_259, r.Tick()),
        (1_260, r.Tick()),
    ),
    receiving(
        "ack-at-32",
        "The 32nd message is acknowledged at once.",
        (0, *DRAINED),
        (1_000, *messages(1, 31), r.Pause()),
        (1_010, r.Stored(31)),
        (1_020, *messages(32, 1), r.Pause()),
        (1_030, r.Stored(32)),
    ),
    receiving(
        "batch-of-64",
        "A batch is full at 64 messages; the rest makes the next one.",
        (0, r.Up(0), r.Ready(), *messages(1, 70), r.Drained()),
        (10, r.Stored(64)),
        (20, r.Stored(70)),
    ),
    receiving(
        "batch-of-1-mib",
        "A batch is full at 1 MiB.",
        (0, r.Up(0), r.Ready(), *messages(1, 5, 300 * KB), r.Pause()),
        (10, r.Stored(3)),
        (20, r.Stored(5)),
    ),
    receiving(
        "one-huge-message",
        "A message above the limit is a batch of its own.",
        (0, r.Up(0), r.Ready(), r.Message(1, 1100 * KB), r.Message(2, 10)),
        (10, r.Stored(1)),
    ),
    receiving(
        "one-batch-at-a-time",
        "While a batch is stored, what comes waits and makes the next batch.",
        (0, *DRAINED),
        (5, *messages(1, 1), r.Pause(), *messages(2, 1), r.Pause(), *messages(3, 1), r.Pause()),
        (9, r.Stored(1)),
        (12, r.Stored(3)),
    ),
    receiving(
        "duplicates",
        "What is stored is acknowledged again and not applied; what waits is not queued twice.",
        (0, r.Up(7), r.Ready(), r.Drained()),
        (10, r.Message(6, 10), r.Message(8, 10), r.Message(8, 10), r.Pause(), r.Message(8, 10)),
        (20, r.Stored(8)),
        (260, r.Tick()),
    ),
    receiving(
        "seq-jumps",
        "The server may leave numbers out (expired, evicted).",
        (0, r.Up(7), r.Ready(), r.Message(9, 10), r.Message(40, 10), r.Drained()),
        (5, r.Stored(40)),
    ),
    receiving(
        "want-while-live",
        "Something waits for a drain: HELLO again on the live session.",
        (0, *DRAINED),
        (50, r.Want(), r.Ready(), r.Drained()),
    ),
    receiving(
        "want-while-draining",
        "One HELLO at a time: a drain wanted during a drain follows it.",
        (0, r.Up(0), r.Want(), r.Ready(), r.Want(), r.Drained()),
        (10, r.Ready(), r.Drained()),
    ),
    receiving(
        "want-before-up",
        "A drain wanted without a session is the one that the next session begins with.",
        (0, r.Want(), r.Up(3), r.Ready(), r.Drained()),
    ),
    receiving(
        "carrier-lost-and-resumed",
        "The session outlives its carrier: nothing is asked for again, a due acknowledgement goes out.",
        (0, *DRAINED),
        (10, *messages(1, 1), r.Pause()),
        (20, r.Down(0.5)),
        (30, r.Stored(1)),
        (520, r.Tick()),
        (540, r.Resumed()),
    ),
    receiving(
        "session-lost",
        "The server has forgotten the session: HELLO with the stored position, and what was not stored comes again.",
        (0, *DRAINED),
        (10, *messages(1, 2), r.Pause(), *messages(3, 2)),
        (20, r.Stored(2), r.Down(0.25)),
        (300, r.Tick(), r.Up(2), r.Ready(), *messages(3, 2), r.Drained()),
    ),
    receiving(
        "lost-while-storing",
        "The carrier breaks while a batch is stored: it is noted and not acknowledged on that carrier.",
        (0, r.Up(0), r.Ready(), *messages(1, 40), r.Pause(), r.Down(0.1)),
        (10, r.Stored(40)),
        (200, r.Tick(), r.Up(40)),
    ),
    receiving(
        "drained-while-lost",
        "The drain had ended before the carrier broke; the session goes on live, and a wanted drain begins.",
        (0, r.Up(0), r.Ready(), *messages(1, 2), r.Drained(), r.Want(), r.Down(0)),
        (10, r.Stored(2)),
        (20, r.Tick(), r.Resumed()),
    ),
    receiving(
        "back-off",
        "No server: 1 2 4 .. 60 s with full jitter.",
        *((n * 100_000, r.Down(1.0), r.Tick()) for n in range(8)),
        (900_000, r.Down(0.3)),
        (918_000, r.Tick()),
    ),
    receiving(
        "back-off-resets",
        "READY resets the back-off; a connection that gets no READY does not.",
        (0, r.Down(1.0)),
        (1_000, r.Tick(), r.Up(0), r.Down(1.0)),
        (3_000, r.Tick(), r.Up(0), r.Ready(), r.Down(1.0)),
        (4_000, r.Tick()),
    ),
    receiving(
        "server-says-when",
        "What the server asks for wins over the back-off.",
        (0, *DRAINED, r.Down(0.9, 7_000)),
        (6_999, r.Tick()),
        (7_000, r.Tick()),
    ),
    receiving(
        "malformed-frame",
        "Counted, the connection opened anew, the rest as it was.",
        (0, r.Up(0), r.Ready(), *messages(1, 1), r.Malformed(), r.Down(0.0)),
        (0, r.Tick(), r.Resumed(), r.Pause()),
        (9, r.Stored(1)),
    ),
    receiving("ready-twice", "A READY that answers nothing is malformed.", (0, r.Up(0), r.Ready(), r.Ready())),
    receiving("drained-too-early", "DRAINED before READY is malformed.", (0, r.Up(0), r.Drained())),
    receiving(
        "full-disk",
        "What cannot be stored is not acknowledged; all of it comes again on a new session.",
        (0, *DRAINED, *messages(1, 2), r.Pause(), *messages(3, 1)),
        (10, r.Unstored(), r.Down(0.5)),
        (510, r.Tick(), r.Up(0), r.Ready(), *messages(1, 3), r.Drained()),
        (520, r.Stored(3)),
    ),
    receiving(
        "old-copy-stores-nothing",
        "A locked home stores nothing of a batch: nothing is acknowledged.",
        (0, r.Up(5), r.Ready(), *messages(6, 3), r.Pause()),
        (10, r.Stored(5)),
        (400, r.Tick()),
    ),
    receiving(
        "gap",
        "The server lost messages of this mailbox: told to the person, nothing else.",
        (0, r.Up(5), r.Ready(), r.Gap(12), r.Drained()),
    ),
    receiving(
        "held-60-s",
        "Messages of a later epoch wait for 60 s in which nothing new is stored.",
        (0, *DRAINED),
        (10, *messages(1, 1), r.Pause()),
        (20, r.Stored(1, holding=True)),
        (280, r.Tick()),
        (60_019, r.Tick()),
        (60_020, r.Tick()),
    ),
    receiving(
        "held-and-moving",
        "While something new is stored, the 60 s begin again; what is not held any more is not waited for.",
        (0, r.Up(0, holding=True), r.Ready(), *messages(1, 1), r.Pause()),
        (40_000, r.Stored(1, holding=True), *messages(2, 1), r.Pause()),
        (90_000, r.Stored(2, holding=False)),
        (150_000, r.Tick()),
    ),
    receiving(
        "held-and-lost",
        "Without a connection the 60 s do not run.",
        (0, r.Up(0, holding=True), r.Ready()),
        (1_000, r.Down(0.5)),
        (70_000, r.Tick(), r.Resumed()),
        (129_999, r.Tick()),
        (130_000, r.Tick()),
    ),
    receiving(
        "held-at-drained",
        "The end of a drain judges what is held; nobody waits for it longer.",
        (0, r.Up(0, holding=True), r.Ready(), r.Drained()),
        (70_000, r.Tick()),
    ),
    receiving(
        "stop",
        "What is stored is acknowledged before the process ends.",
        (0, *DRAINED, *messages(1, 1), r.Pause()),
        (10, r.Stored(1), r.Stop()),
        (20, *messages(2, 1)),
    ),
    *(in_every_phase(event) for event in EVENTS),
)


A, B = "a" * 32, "b" * 32
GROUPS = {A: intake.Group(active=True, epoch=5), B: intake.Group(active=False, epoch=2)}
START = intake.Intake(stored=10, hellos=1, drained=1, wanted=1, groups=GROUPS)


def entry(seq: int, kind: intake.EntryKind, gid: str = A, epoch: int = 5, own: intake.Own = "none") -> intake.Entry:
    return intake.Entry(seq, kind, gid, epoch, own)


def taking(name: str, about: str, *events: intake.Event, start: intake.Intake = START) -> Story:
    return Story("intake", name, about, start, told((0, *events)))


def holding(held: int, *, asking: bool = False) -> intake.Intake:
    group = intake.Group(active=True, epoch=5, held=held, asking=asking)
    return msgspec.structs.replace(START, groups={A: group})


INTAKE = (
    taking("notice", "A notice of the server is taken.", entry(11, "notice", "", 0)),
    taking("own-message", "The echo of an own message is its acceptance.", entry(11, "application", own="message")),
    taking(
        "own-message-unknown-group",
        "Also where we hold no such group.",
        entry(11, "application", "c" * 32, 1, "message"),
    ),
    taking(
        "own-commit",
        "The echo of an own commit applies it.",
        entry(11, "commit", own="commit"),
        intake.Moved(A, True, 6),
    ),
    taking(
        "own-lost-commit", "An earlier sealing of an own commit lost its epoch.", entry(11, "commit", own="lost-commit")
    ),
    taking(
        "welcome",
        "A Welcome is taken, known group or not.",
        entry(11, "welcome", "c" * 32, 3),
        entry(12, "welcome", B, 9),
    ),
    taking(
        "unknown-group",
        "Messages of a group we do not hold are dropped.",
        entry(11, "commit", "c" * 32),
        entry(12, "application", "c" * 32),
    ),
    taking("not-active", "A group we left takes nothing.", entry(11, "commit", B, 2), entry(12, "application", B, 3)),
    taking("commit", "A commit of our epoch is judged.", entry(11, "commit"), intake.Moved(A, True, 6)),
    taking("past-commit", "A commit of an earlier epoch is dropped.", entry(11, "commit", A, 4)),
    taking(
        "application",
        "Messages of our epoch and of earlier ones are decrypted.",
        entry(11, "application"),
        entry(12, "application", A, 3),
    ),
    taking(
        "duplicate",
        "What is stored is skipped.",
        entry(10, "application"),
        entry(11, "application"),
        entry(11, "application"),
    ),
    taking(
        "later-epoch",
        "Held, a drain asked for once; the commit comes, and what waited is taken.",
        entry(11, "application", A, 6),
        entry(12, "application", A, 6),
        intake.Hello(),
        intake.Ready(12),
        entry(13, "commit"),
        intake.Moved(A, True, 6),
        intake.Again("application", A, 6),
        intake.Moved(A, True, 6),
        intake.Again("application", A, 6),
        intake.Drained(),
    ),
    taking(
        "later-commit",
        "A held commit moves the group on, and more of what is held comes due.",
        entry(11, "commit", A, 6),
        entry(12, "application", A, 7),
        entry(13, "commit"),
        intake.Moved(A, True, 6),
        intake.Again("commit", A, 6),
        intake.Moved(A, True, 7),
        intake.Again("application", A, 7),
    ),
    taking(
        "later-epoch-in-vain",
        "At the end of the drain the commit is not there: it is lost, and the device asks once.",
        entry(11, "application", A, 6),
        intake.Hello(),
        intake.Ready(11),
        intake.Drained(),
        intake.Hello(),
        intake.Drained(),
    ),
    taking("held-is-full", "256 are held, the 257th asks.", entry(11, "application", A, 6), start=holding(256)),
    taking("held-is-full-asking", "It asks once.", entry(11, "application", A, 6), start=holding(256, asking=True)),
    taking("held-one-short-of-full", "The 256th is held.", entry(11, "application", A, 6), start=holding(255)),
    taking("waited", "What is held waited too long.", intake.Waited(), intake.Waited(), start=holding(3)),
    taking(
        "removed-while-holding",
        "A group we were removed from is not asked for.",
        intake.Moved(A, False, 6),
        intake.Hello(),
        intake.Drained(),
        start=holding(3),
    ),
    taking(
        "rejoined",
        "We joined anew: what we asked for is over.",
        intake.Moved(A, True, 9),
        start=holding(1, asking=True),
    ),
    taking(
        "joined-new", "A group we did not know.", intake.Moved("c" * 32, True, 1), entry(11, "application", "c" * 32, 1)
    ),
    taking(
        "drains",
        "A DRAINED counts once for the newest HELLO.",
        intake.Want(),
        intake.Hello(),
        intake.Drained(),
        intake.Drained(),
        intake.Want(),
        intake.Want(),
    ),
    taking(
        "old-copy",
        "READY above our position locks the home; nothing moves then.",
        intake.Hello(),
        intake.Ready(11),
        entry(11, "application"),
    ),
    taking("ready-below", "READY at or below our position is well.", intake.Hello(), intake.Ready(10), intake.Ready(3)),
    taking(
        "adopt",
        "After a recovery the next READY says where we stand.",
        intake.Hello(),
        intake.Ready(30),
        entry(30, "application"),
        entry(31, "application"),
        start=msgspec.structs.replace(START, adopt=True),
    ),
    taking(
        "adopt-nothing",
        "There was nothing to adopt; the next READY is checked.",
        intake.Ready(10),
        intake.Ready(11),
        start=msgspec.structs.replace(START, adopt=True),
    ),
)

STORIES = (*RECEIVING, *INTAKE)
