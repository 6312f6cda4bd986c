"""The ladder of one link: which attempt its sender starts when, which one carries, and what follows a loss.

Theory of operation. An attempt is one try to bring the link up, of kind A (UDP, direct or by relay), B (relay over TCP
or TLS) or C (media over a WebSocket). A round starts them 1.5 s apart, what won last on this network first; one that
fails starts the next at once, and so does one by relays that none has answered for a second, while it is tried on. The
first `got` wins and the others close. When what carries is lost, a new round begins
with the two likeliest at once, and the lost attempt stays for 10 s, since a `got` for it ends the round too. Link by
link, sender by sender: the two directions of a call may take different ways. The shell starts and stops attempts by
their number; it knows what an attempt is, this module does not.

    racing -> carrying -> lost -> carrying | gone        racing, lost: gone after 10 s without a `got`
    probing -> carrying                                  beside C; only after 3 s of frames
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["A", "B", "C"]
KINDS: Final[tuple[Kind, ...]] = ("A", "B", "C")
Stage: TypeAlias = Literal["racing", "carrying", "lost", "probing"]

STAGGER_MS: Final = 1_500
PATIENCE_MS: Final = 10_000
AGAIN_MS: Final = 2_000
"""Between a round in which everything failed and the next one."""
PROBE_MS: Final = 300_000
PROBE_SOON_MS: Final = 10_000
"""After another network was met, and C won again."""
STEADY_MS: Final = 3_000
BARREN_MS: Final = 1_000
"""An attempt by relays alone that has found no address of a relay by then is `Barren`: five round trips of 200 ms."""
NEAR_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """number: counted from 1 over the life of the link. until: it is stopped then. wins_at: a probe's, with a `got`."""

    number: int
    kind: Kind
    stage: Stage
    started_at: int
    until: int | None
    wins_at: int | None = None
    barren: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """An attempt of the round that was not started yet."""

    kind: Kind
    at: int


@dataclass(frozen=True, slots=True)
class Try:
    """How the last attempt of a kind went. result: `trying`, `works`, `failed`, `timeout` or `stopped`. ms: it took."""

    kind: Kind
    result: str
    ms: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """One link. available: the kinds this device and policy allow. remembered: what won last on this network."""

    available: tuple[Kind, ...] = ()
    remembered: Kind | None = None
    attempts: tuple[Attempt, ...] = ()
    queue: tuple[Due, ...] = ()
    next_number: int = 1
    again_at: int | None = None
    probe_at: int | None = None
    probed: Kind | None = None
    moved: bool = False
    tries: tuple[Try, ...] = ()

    @property
    def carrying(self) -> Attempt | None:
        """The attempt that carries the media, also when it is doubted."""
        return next((one for one in self.attempts if one.stage in ("carrying", "lost")), None)

    @property
    def flows(self) -> bool:
        """Whether media gets through as far as the sender knows."""
        return any(one.stage == "carrying" for one in self.attempts)


# -- events
@dataclass(frozen=True, slots=True)
class Open:
    """The link is wanted."""

    available: tuple[Kind, ...]
    remembered: Kind | None = None


@dataclass(frozen=True, slots=True)
class Got:
    """The receiver opened a frame of this attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The receiver hears nothing, or ICE is disconnected; it may come back."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt is dead."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Barren:
    """No relay has answered this attempt so far, and it goes by nothing else."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Moved:
    """This device is in another network."""

    available: tuple[Kind, ...]
    remembered: Kind | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """The link is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


Event: TypeAlias = Open | Got | Lost | Failed | Barren | Moved | Close | Tick


# -- actions
@dataclass(frozen=True, slots=True)
class Start:
    """Begin an attempt with dummy tracks."""

    attempt: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Stop:
    """Close an attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Carry:
    """Real media moves to this attempt, and the dummies back to the one before."""

    attempt: int


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nothing is available: neither a relay nor a media room."""


Action: TypeAlias = Start | Stop | Carry | NoRoute
Step: TypeAlias = tuple[Ladder, tuple[Action, ...]]


def step(ladder: Ladder, event: Event, now_ms: int) -> Step:
    """The link after an event, and what to do, in this order. What is due by then is done first."""
    if isinstance(event, Close):
        return Ladder(tries=ladder.tries), tuple(Stop(one.number) for one in ladder.attempts)
    ladder, actions = (ladder, ()) if isinstance(event, Open) else _tick(ladder, now_ms)
    ladder, more = _take(ladder, event, now_ms)
    ladder, last = _start_due(ladder, now_ms)
    return ladder, (*actions, *more, *last)


def next_deadline(ladder: Ladder) -> int | None:
    """When a `Tick` has something to do."""
    times = [ladder.again_at, ladder.probe_at, *(due.at for due in ladder.queue)]
    for one in ladder.attempts:
        times += [one.until, one.wins_at]
    return min((time for time in times if time is not None), default=None)


def is_room_near(ladder: Ladder, now_ms: int) -> bool:
    """Whether C is next beside a B that runs, within a second: its ticket and connection need not wait for its turn."""
    due = next(iter(ladder.queue), None)
    races = any(one.stage == "racing" and one.kind == "B" for one in ladder.attempts)
    return races and due is not None and due.kind == "C" and due.at - now_ms <= NEAR_MS


def _take(ladder: Ladder, event: Event, now: int) -> Step:
    match event:
        case Open():
            opened = replace(ladder, available=event.available, remembered=event.remembered)
            return (_begin(opened, now), ()) if event.available else (opened, (NoRoute(),))
        case Moved():
            return _move(ladder, event, now)
        case Got() | Lost() | Failed() | Barren():
            attempt = next((one for one in ladder.attempts if one.number == event.attempt), None)
            if attempt is None:
                return ladder, ()
            rules: dict[type[Event], Callable[[Ladder, Attempt, int], Step]]
            rules = {Got: _win, Lost: _lose, Failed: _fail, Barren: _doubt}
            return rules[type(event)](ladder, attempt, now)
    return ladder, ()


# -- rounds
def _begin(ladder: Ladder, now: int) -> Ladder:
    """A round from nothing: the remembered winner at 0 s, the others in their order."""
    kinds = [kind for kind in KINDS if kind in ladder.available]
    kinds.sort(key=lambda kind: kind != ladder.remembered)
    return _queue(ladder, [(kind, now + STAGGER_MS * turn) for turn, kind in enumerate(kinds)])


def _recover(ladder: Ladder, lost: Kind, now: int) -> Ladder:
    """A round beside what is lost or doubted: two at once, the third after 1.5 s.

    B says first what it has to say: what cut A may well cut it again.
    """
    order: tuple[Kind, ...] = ("B", "A", "C") if lost == "A" else ("B", "C", "A")
    kinds = [kind for kind in order if kind in ladder.available]
    return _queue(ladder, [(kind, now + (STAGGER_MS if turn > 1 else 0)) for turn, kind in enumerate(kinds)])


def _queue(ladder: Ladder, dues: list[tuple[Kind, int]]) -> Ladder:
    queue = tuple(Due(kind, at) for kind, at in dues)
    return replace(ladder, queue=queue, again_at=None, probe_at=None)


def _start_due(ladder: Ladder, now: int) -> Step:
    """Starts what is due; with nothing on its way and nothing due, another round a little later."""
    actions: list[Action] = []
    for due in ladder.queue:
        if now < due.at:
            continue
        ladder, started = _start(ladder, due.kind, "racing", now)
        ladder = replace(ladder, queue=tuple(one for one in ladder.queue if one is not due))
        actions.append(started)
    if ladder.queue or len(ladder.attempts) > 1:
        return ladder, tuple(actions)
    # The round is over, and nothing new won.
    if not ladder.attempts and ladder.available and ladder.again_at is None:
        ladder = replace(ladder, again_at=now + AGAIN_MS)
    if ladder.attempts and ladder.flows and (ladder.moved or ladder.probe_at is None):
        ladder = _plan_probe(replace(ladder, moved=False), ladder.attempts[0].kind, now + PROBE_MS)
    return ladder, tuple(actions)


def _start(ladder: Ladder, kind: Kind, stage: Stage, now: int) -> tuple[Ladder, Start]:
    attempt = Attempt(ladder.next_number, kind, stage, now, now + PATIENCE_MS)
    ladder = replace(ladder, attempts=(*ladder.attempts, attempt), next_number=ladder.next_number + 1)
    return _note(ladder, kind, "trying", 0), Start(attempt.number, kind)


def _note(ladder: Ladder, kind: Kind, result: str, ms: int) -> Ladder:
    tries = [one for one in ladder.tries if one.kind != kind]
    return replace(ladder, tries=tuple(sorted([*tries, Try(kind, result, ms)], key=lambda one: one.kind)))


def _change(ladder: Ladder, attempt: Attempt) -> Ladder:
    changed = tuple(attempt if one.number == attempt.number else one for one in ladder.attempts)
    return replace(ladder, attempts=changed)


def _without(ladder: Ladder, attempt: Attempt, result: str, now: int) -> Ladder:
    ladder = replace(ladder, attempts=tuple(one for one in ladder.attempts if one.number != attempt.number))
    return _note(ladder, attempt.kind, result, now - attempt.started_at)


# -- what happens to an attempt
def _win(ladder: Ladder, attempt: Attempt, now: int) -> Step:
    """A `got`: it carries, or as a probe it may after a while; of what carries well it is no news."""
    if attempt.stage == "carrying" and not ladder.moved:
        return ladder, ()
    if attempt.stage == "probing":
        waiting = attempt if attempt.wins_at is not None else replace(attempt, wins_at=now + STEADY_MS, until=None)
        return _change(ladder, waiting), ()
    return _carry(ladder, attempt, now)


def _carry(ladder: Ladder, attempt: Attempt, now: int) -> Step:
    came_back = attempt.stage in ("carrying", "lost")
    actions: list[Action] = [] if came_back else [Carry(attempt.number)]
    for one in ladder.attempts:
        if one.number != attempt.number:
            actions.append(Stop(one.number))
            ladder = _without(ladder, one, "stopped", now)
    if not came_back:
        ladder = _note(ladder, attempt.kind, "works", now - attempt.started_at)
    again = PROBE_SOON_MS if ladder.moved else PROBE_MS
    ladder = replace(ladder, queue=(), again_at=None, moved=False, remembered=attempt.kind)
    ladder = _plan_probe(ladder, attempt.kind, now + again)
    return _change(ladder, replace(attempt, stage="carrying", until=None, wins_at=None)), tuple(actions)


def _plan_probe(ladder: Ladder, carrying: Kind, at: int) -> Ladder:
    better = any(kind in ladder.available for kind in ("A", "B"))
    return replace(ladder, probe_at=at if carrying == "C" and better else None)


def _lose(ladder: Ladder, attempt: Attempt, now: int) -> Step:
    """The receiver hears nothing of it."""
    if attempt.stage == "probing":
        return _end_probe(ladder, attempt, "failed", now)
    if attempt.stage != "carrying":
        return ladder, ()
    ladder = _change(ladder, replace(attempt, stage="lost", until=now + PATIENCE_MS))
    return _fall_back(ladder, attempt.kind, now)


def _fail(ladder: Ladder, attempt: Attempt, now: int) -> Step:
    """It is dead: the next one starts at once."""
    if attempt.stage == "probing":
        return _end_probe(ladder, attempt, "failed", now)
    ladder = _without(ladder, attempt, "failed", now)
    stop = Stop(attempt.number)
    if attempt.stage == "carrying":
        ladder, actions = _fall_back(ladder, attempt.kind, now)
        return ladder, (stop, *actions)
    return _hurry(ladder, now), (stop,)


def _doubt(ladder: Ladder, attempt: Attempt, now: int) -> Step:
    """The next one starts, unless another relay may still get through; whether A goes without one is not known."""
    if attempt.stage != "racing" or attempt.barren:
        return ladder, ()
    ladder = _change(ladder, replace(attempt, barren=True))
    hopeful = any(one.stage == "racing" and one.kind != "A" and not one.barren for one in ladder.attempts)
    return ladder if hopeful else _hurry(ladder, now), ()


def _fall_back(ladder: Ladder, lost: Kind, now: int) -> Step:
    """Without what carried: a probe that got through is taken at once, else a round, unless one runs."""
    probe = next((one for one in ladder.attempts if one.stage == "probing"), None)
    if probe is not None and probe.wins_at is not None:
        return _carry(ladder, probe, now)
    if probe is not None:
        ladder = _change(ladder, replace(probe, stage="racing"))
    if any(one.stage == "racing" for one in ladder.attempts) or ladder.queue:
        return ladder, ()
    return _recover(ladder, lost, now), ()


def _hurry(ladder: Ladder, now: int) -> Ladder:
    """The next of the round is due now."""
    if not ladder.queue:
        return ladder
    first, *others = ladder.queue
    return replace(ladder, queue=(replace(first, at=min(first.at, now)), *others))


def _end_probe(ladder: Ladder, attempt: Attempt, result: str, now: int) -> Step:
    ladder = _without(ladder, attempt, result, now)
    carrying = ladder.carrying
    if carrying is not None:
        ladder = _plan_probe(ladder, carrying.kind, now + PROBE_MS)
    return ladder, (Stop(attempt.number),)


def _move(ladder: Ladder, event: Moved, now: int) -> Step:
    """Another network: a round at once; what carries goes on until another attempt got through."""
    ladder = replace(ladder, available=event.available, remembered=event.remembered, moved=True)
    stops: list[Action] = []
    for one in ladder.attempts:
        if one.stage in ("racing", "probing"):
            ladder = _without(ladder, one, "stopped", now)
            stops.append(Stop(one.number))
    if not event.available:
        return replace(ladder, queue=()), (*stops, NoRoute())
    carrying = ladder.carrying
    return _begin(ladder, now) if carrying is None else _recover(ladder, carrying.kind, now), tuple(stops)


# -- time
def _tick(ladder: Ladder, now: int) -> Step:
    actions: list[Action] = []
    for one in ladder.attempts:
        if one.wins_at is not None and now >= one.wins_at:
            return _carry(ladder, one, now)
    for one in ladder.attempts:
        if one.until is None or now < one.until:
            continue
        if one.stage == "probing":
            ladder, more = _end_probe(ladder, one, "timeout", now)
            actions += more
            continue
        ladder = _without(ladder, one, "timeout", now)
        if one.stage == "racing":
            ladder = _hurry(ladder, now)
        actions.append(Stop(one.number))
    if ladder.again_at is not None and now >= ladder.again_at:
        ladder = _begin(ladder, now)
    if ladder.probe_at is not None and now >= ladder.probe_at:
        ladder, more = _probe(ladder, now)
        actions += more
    return ladder, tuple(actions)


def _probe(ladder: Ladder, now: int) -> Step:
    """Beside C, one attempt of A or B in turn."""
    kinds: list[Kind] = [kind for kind in KINDS[:2] if kind in ladder.available]
    kind = kinds[-1] if ladder.probed == kinds[0] else kinds[0]
    ladder = replace(ladder, probe_at=None, probed=kind)
    ladder, started = _start(ladder, kind, "probing", now)
    return ladder, (started,)
