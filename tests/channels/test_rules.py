"""The pure rules: trust, roles, and states under any order of edits, decisions, gate and deletion."""

from __future__ import annotations

import os
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.channels.rules import states
from zajil.channels.rules.roles import RANK, may_act_on, may_appoint, may_comment, may_post
from zajil.channels.rules.trust import decide_trust
from zajil.protocol.public.posts import Effect, PostDecision

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("age_s", "accepted", "strike_s", "trust"),
    [
        (0, 0, 0, 0),
        (DAY - 1, 1000, 0, 0),
        (DAY, 0, 0, 0),
        (DAY, 1, 0, 1),
        (7 * DAY - 1, 1000, 0, 1),
        (7 * DAY, 4, 0, 1),
        (7 * DAY, 5, 0, 2),
        (7 * DAY, 5, 1, 1),
        (DAY, 1, 1, 0),
        (0, 0, 1, 0),
        (7 * DAY, 5, -1, 2),
    ],
)
def test_trust_goes_by_time_and_accepted_posts(age_s: int, accepted: int, strike_s: int, trust: int) -> None:
    now = 1_800_000_000
    strike = now + strike_s if strike_s else 0
    assert decide_trust(created_at=now - age_s, accepted=accepted, strike_until=strike, now=now) == trust


def test_nobody_acts_on_or_appoints_their_equal_or_better() -> None:
    for role in RANK:
        for other in RANK:
            if may_act_on(role, other):
                assert RANK[role] > RANK[other]
                assert RANK[role] >= RANK["moderator"]
            for wanted in RANK:
                if may_appoint(role, other, wanted):
                    assert RANK[role] > max(RANK[other], RANK[wanted])
                    assert RANK[role] >= RANK["admin"]
    assert not may_act_on(None, "subscriber")
    assert [role for role in RANK if may_post(role, "broadcast")] == ["admin", "owner"]
    assert [role for role in RANK if may_post(role, "group")] == ["member", "moderator", "admin", "owner"]
    assert [role for role in RANK if may_comment(role)] == ["member", "moderator", "admin", "owner"]
    assert not may_post(None, "group")
    assert not may_comment(None)


Verdict = tuple[Effect, int, bool]
Step = tuple[str, Verdict | bool | None]
DECISIONS = st.tuples(
    st.just("decide"), st.tuples(st.sampled_from(get_args(Effect)), st.integers(-2, 1), st.booleans())
)
STEPS = st.lists(
    st.one_of(
        DECISIONS,
        st.tuples(st.just("edit"), st.booleans()),
        st.tuples(st.just("gate"), st.none()),
        st.tuples(st.just("delete"), st.none()),
    ),
    max_size=12,
)


@given(st.booleans(), STEPS)
def test_what_is_shown_follows_from_what_was_decided(  # noqa: C901  # one step of each kind
    opens: bool, steps: list[Step]
) -> None:
    now = states.begin(gate_at_ms=1, gate_opens=opens)
    human: str | None = None
    for name, detail in steps:
        before = now
        if name == "edit" and now.state not in ("deleted", "removed"):
            now = states.edit(now, gate_at_ms=2, gate_opens=bool(detail))
            human = None
            assert (now.shown, now.shown_as) == (before.shown, before.shown_as)
        elif name == "gate" and now.gate_at_ms is not None:
            now = states.pass_gate(now)
            assert now.state == ("visible" if before.gate_opens else "held")
        elif name == "delete":
            now = states.delete(now)
        elif isinstance(detail, tuple):
            effect, back, by_person = detail
            version = max(1, now.version + back)
            decision = PostDecision(
                decision_id=os.urandom(8),
                post_id=b"",
                version=version,
                effect=effect,
                category="spam",
                human=by_person,
                at=5,
            )
            outcome = states.find_outcome(now, decision)
            if outcome != "applied":
                continue
            now = states.decide(now, decision)
            if version == now.version:
                assert not (human is not None and not by_person), "an automatic decision undid a person's"
                human = effect if by_person else None
                wanted = {"limit": "limited", "hold": "held", "remove": "removed"}.get(effect, "visible")
                assert now.state == wanted
            else:
                assert version == before.shown
                assert now.state == before.state
        assert (now.shown == 0) == (now.shown_as in ("none", "removed"))
        assert now.shown <= now.version
        assert now.version >= before.version
        if now.state in ("visible", "limited"):
            assert (now.shown, now.shown_as) == (now.version, now.state)
        if now.state in ("removed", "deleted"):
            assert now.shown == 0
        if now.state != "pending":
            assert now.gate_at_ms is None
        if now.unchecked:
            assert (now.state, now.human) == ("visible", 0)
        if before.state == "deleted":
            assert now.state == "deleted"
