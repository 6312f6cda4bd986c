"""What a person is shown of a call: facts in words that the user interface translates; no key, secret or signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from zajil.protocol.calls.ladder import Try
from zajil.protocol.calls.quality import NO_VIDEO, Quality, Sample, Step
from zajil.protocol.calls.state import CallState
from zajil.protocol.ids import encode_b64

RUNGS: Final = ("direct", "relay-udp", "relay-tcp", "relay-tls", "server")
FAULTS: Final = ("no-route", "permission-denied", "unsupported", "not-encrypted")
LOSSY_PCT: Final = 5
_PHASES: Final = {"outgoing": "ringing", "incoming": "ringing", "reconnecting": "recovering"}
_RESULTS: Final = {"works": "up", "failed": "failed", "timeout": "failed", "stopped": "closed", "trying": "trying"}
_ENDS: Final = {"alone": "hangup"}


@dataclass(frozen=True, slots=True)
class Measure:
    """How a link is. sample: of the last second, None where nothing is measured. sealed, opened: frames so far.

    rung: of RUNGS, empty where unknown. host: of the relay or bridge. tries: of the ladder.
    """

    sample: Sample | None
    sealed: int
    opened: int
    rung: str = ""
    host: str = ""
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """A link as it was last measured."""

    measure: Measure
    quality: Quality
    step: Step


@dataclass(frozen=True, slots=True)
class ViewPeer:
    """A device in the call. account: base64url. quality: a word, `reconnecting` or `unknown`. up: media flows.

    shut: what came from it did not open, so nothing goes to it or is taken from it.
    """

    leaf: int
    account: str
    mic: bool
    camera: bool
    quality: str
    up: bool
    shut: bool


@dataclass(frozen=True, slots=True)
class ViewTry:
    """A way that was tried. result: `up`, `failed`, `closed` or `trying`. ms: it took."""

    rung: str
    result: str
    ms: int


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as it is shown. chat, call: base64url. since: ms of the ring, then of the first media. silent: a banner.

    phase: idle, ringing, connecting, active, recovering or ended. direction: outgoing or incoming. word: of the
    quality, empty where unknown. ended, why: codes, empty where there is none.
    """

    phase: str
    chat: str
    call: str
    direction: str
    kind: str
    since: int
    silent: bool
    peers: tuple[ViewPeer, ...]
    mic: bool
    camera: bool
    rung: str
    host: str
    word: str
    mos: float
    rtt_ms: int
    loss_pct: float
    tried: tuple[ViewTry, ...]
    encrypted: bool
    hidden_address: bool
    ended: str
    why: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Beside the machine's state: when the call began and whose it was, links by leaf, whether the network changed.

    shut: leaves of which nothing opened.
    """

    gid: bytes
    began_at: int
    outgoing: bool
    links: Mapping[int, LinkFacts]
    shut: frozenset[int]
    moved: bool


def make_view(state: CallState, scene: Scene) -> CallView:
    """What a person may know now."""
    links = [scene.links[peer.leaf] for peer in state.peers if peer.up and peer.leaf in scene.links]
    worst = min(links, key=lambda link: link.quality.mos, default=None)
    up = [peer for peer in state.peers if peer.up]
    proved = all(link.measure.sealed > 0 and link.measure.opened > 0 for link in links)
    quality = Quality() if worst is None else worst.quality
    phase = _PHASES.get(state.phase, state.phase)
    # A sibling answered: nothing rings here any more, whatever follows.
    elsewhere = state.phase == "incoming" and state.quiet
    return CallView(
        phase="ended" if elsewhere else phase,
        chat=encode_b64(scene.gid),
        call=encode_b64(state.call),
        direction="outgoing" if scene.outgoing else "incoming",
        kind=state.kind,
        since=scene.began_at if state.since is None else state.since,
        silent=not state.sounds,
        peers=tuple(_view_peer(state, peer.leaf, scene) for peer in state.peers),
        mic=state.mic,
        camera=state.cam,
        rung="" if worst is None else worst.measure.rung,
        host="" if worst is None else worst.measure.host,
        word="reconnecting" if state.phase == "reconnecting" else quality.word,
        mos=round(quality.mos, 2),
        rtt_ms=round(quality.rtt_ms),
        loss_pct=round(quality.loss_pct, 1),
        tried=_tried(state, scene.links),
        encrypted=bool(up) and len(links) == len(up) and proved,
        hidden_address=state.relay_only,
        ended="elsewhere" if elsewhere else _ENDS.get(state.reason, state.reason),
        why=_find_why(state, scene, worst),
    )


def _view_peer(state: CallState, leaf: int, scene: Scene) -> ViewPeer:
    peer = state.find_peer(leaf)
    if peer is None:
        return ViewPeer(leaf, "", False, False, "unknown", False, False)
    link = scene.links.get(leaf)
    word: str = "unknown" if link is None or not link.quality.word else link.quality.word
    if state.since is not None and not peer.up:
        word = "reconnecting"
    return ViewPeer(leaf, encode_b64(peer.account), peer.mic, peer.cam, word, peer.up, leaf in scene.shut)


def _tried(state: CallState, links: Mapping[int, LinkFacts]) -> tuple[ViewTry, ...]:
    """The ways of the link that took the longest to find one."""
    rungs = {"A": "relay-udp" if state.relay_only else "direct", "B": "relay-tls", "C": "server"}
    tries = max((link.measure.tries for link in links.values()), key=len, default=())
    return tuple(ViewTry(rungs[one.kind], _RESULTS[one.result], one.ms) for one in tries)


def _find_why(state: CallState, scene: Scene, worst: LinkFacts | None) -> str:
    """The one line that explains what a person notices; empty where there is nothing to explain."""
    if state.fault in FAULTS:
        return state.fault
    if state.phase == "reconnecting" and all(peer.leaf in scene.shut for peer in state.peers):
        return "not-encrypted"
    if state.phase == "reconnecting":
        return "network-changed" if scene.moved else "peer-silent"
    if worst is None:
        return ""
    failed = {one.kind for one in worst.measure.tries if one.result in ("failed", "timeout")}
    if worst.quality.word == "poor":
        return "lossy-network" if worst.quality.loss_pct >= LOSSY_PCT else "slow-network"
    if worst.step in NO_VIDEO and state.cam:
        return "video-paused"
    if worst.measure.rung == "server" and failed >= {"A", "B"}:
        return "all-relays-blocked"
    # Without a relay at all nothing is said of one.
    if worst.measure.rung == "server" and ("B" in failed or (state.relay_only and "A" in failed)):
        return "relay-unreachable"
    if worst.measure.rung in ("relay-tcp", "relay-tls") and "A" in failed:
        return "udp-blocked"
    return "hidden-address" if state.relay_only else ""
