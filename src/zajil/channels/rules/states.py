"""What becomes of a post: its states, and how decisions, edits and the gate move it. Pure.

Theory. A post has a newest version, with a state, and a version that others see, if any. They differ while an edit
waits: others go on seeing what they saw. `shown_as` says how: `none`, `visible`, `limited` (by its own address alone,
behind a warning), `removed` (a stub).

    state      who sees the newest version                next
    pending    author                                     visible, held, limited, removed
    visible    all                                        limited, held, removed, deleted
    limited    whoever has the address, behind a warning  visible, held, removed, deleted
    held       author                                     visible, limited, removed, deleted
    removed    author; others a stub                      visible (another decision)
    deleted    nobody                                     -

A decision is about one version. It moves the newest one, or takes back the older one that others still see; of any
other version it only closes the history. An automatic decision never undoes what a person decided about that version.
Source: design/moderation.md 3 and 10.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from zajil.protocol.public.posts import Effect, PostDecision

State: TypeAlias = Literal["pending", "visible", "limited", "held", "removed", "deleted"]
ShownAs: TypeAlias = Literal["none", "visible", "limited", "removed"]
Outcome: TypeAlias = Literal["applied", "repeated", "outdated", "outranked", "gone"]
"""What became of a decision: carried out; carried out before; of a version nobody sees; not a person's; no post."""
_HIDING: Final[frozenset[Effect]] = frozenset({"limit", "hold", "remove"})


class Situation(NamedTuple):
    """The moving part of a post's row. shown: 0 for none. Times are Unix seconds, gate_at_ms milliseconds."""

    version: int
    state: State
    shown: int
    shown_as: ShownAs
    unchecked: int
    label: str
    category: str
    decided_at: int | None
    human: int
    held_until: int | None
    gate_at_ms: int | None
    gate_opens: int


def begin(*, gate_at_ms: int, gate_opens: bool) -> Situation:
    """A new post. gate_at_ms: when it stops waiting for a verdict; gate_opens: whether it is then shown, else held."""
    return Situation(1, "pending", 0, "none", 0, "", "", None, 0, None, gate_at_ms, int(gate_opens))


def edit(before: Situation, *, gate_at_ms: int, gate_opens: bool) -> Situation:
    """The post with a newer version that waits; others go on seeing what they saw."""
    return before._replace(
        version=before.version + 1,
        state="pending",
        unchecked=0,
        human=0,
        held_until=None,
        gate_at_ms=gate_at_ms,
        gate_opens=int(gate_opens),
    )


def delete(before: Situation) -> Situation:
    """The post, deleted by its author."""
    return before._replace(state="deleted", shown=0, shown_as="none", unchecked=0, held_until=None, gate_at_ms=None)


def pass_gate(before: Situation) -> Situation:
    """The post when no verdict came in time: shown without one, or held for people. Its work stays queued."""
    if before.gate_opens:
        after = _show(before._replace(gate_at_ms=None), "visible")
        return after._replace(unchecked=1, label="", category="", decided_at=None)
    return before._replace(state="held", gate_at_ms=None)


def find_outcome(before: Situation, decision: PostDecision) -> Outcome:
    """Whether the decision moves the post. `repeated` is for the caller to know."""
    if before.state == "deleted":
        return "gone"
    if decision.version == before.version:
        return "outranked" if before.human and not decision.human else "applied"
    return "applied" if decision.version == before.shown else "outdated"


def decide(before: Situation, decision: PostDecision) -> Situation:
    """The post after a decision whose outcome is `applied`."""
    if decision.version != before.version:
        return _withdraw(before, decision)
    after = before._replace(
        unchecked=0,
        label=decision.category if decision.effect == "label" else "",
        category=decision.category if decision.effect in _HIDING else "",
        decided_at=decision.at,
        human=int(decision.human),
        held_until=decision.hold_until if decision.effect == "hold" else None,
        gate_at_ms=None,
    )
    match decision.effect:
        case "allow" | "review" | "label" | "restore":
            return _show(after, "visible")
        case "limit":
            return _show(after, "limited")
        case "hold":
            after = after._replace(state="held")
            return after._replace(shown=0, shown_as="none") if after.shown == after.version else after
        case "remove":
            return after._replace(state="removed", shown=0, shown_as="removed")


def _show(after: Situation, how: Literal["visible", "limited"]) -> Situation:
    return after._replace(state=how, shown=after.version, shown_as=how)


def _withdraw(before: Situation, decision: PostDecision) -> Situation:
    """A decision on what others still see while a newer version waits. What it decided ends with that version."""
    match decision.effect:
        case "remove":
            return before._replace(
                shown=0, shown_as="removed", category=decision.category, decided_at=decision.at, label=""
            )
        case "hold":
            return before._replace(shown=0, shown_as="none")
        case "limit":
            return before._replace(shown_as="limited", category=decision.category, decided_at=decision.at)
        case "label":
            return before._replace(label=decision.category)
        case "allow" | "review" | "restore":
            return before._replace(shown_as="visible", label="", category="")


def closes(decision: PostDecision) -> bool:
    """Whether the version it is about may not be read in the history any more."""
    return decision.effect in _HIDING
