"""What the database must say after everything: one verdict a post, no decision twice, nothing left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.flows.moderation.programs import Home, Programs
from tests.flows.moderation.town import Posted

from zajil.moderation.classify.cascade import load_cascade
from zajil.moderation.statistics.figures import RESTRICTING

STATES = {"allow": "visible", "review": "visible", "label": "visible", "limit": "limited", "hold": "held"}
ORDER = ("visible", "limited", "held", "removed")


def is_quiet(programs: Programs) -> bool:
    """Nothing waits to be judged, carried out or carried on to copies."""
    waiting = "SELECT (SELECT count(*) FROM pub_outbox) + (SELECT count(*) FROM mod_handover) + (SELECT count(*) FROM "
    return programs.count(waiting + "mod_spread)") == 0


def check_none_skipped(programs: Programs, posted: Sequence[Posted]) -> None:
    """Every acknowledged post is there once, judged once, and not waiting at the gate."""
    known = {bytes(post) for (post,) in programs.ask("SELECT id FROM pub_post")}
    assert {each.post for each in posted} == known, "acknowledged and lost, or there twice"
    ((verdicts, versions),) = programs.ask("SELECT count(*), count(DISTINCT target) FROM mod_verdict")
    assert verdicts == versions == len(posted)
    assert programs.count("SELECT sum(posts) FROM mod_tally") == len(posted), "counted once each"
    assert programs.count("SELECT count(*) FROM pub_post WHERE state = 'pending'") == 0


def check_none_twice(programs: Programs) -> None:
    """No question was decided twice: on each version, a decision differs from the one it took the place of."""
    rows = programs.ask("SELECT target, version, target_kind, action, basis, key FROM mod_decision ORDER BY seq")
    last: dict[tuple[bytes, int, str], tuple[str, object]] = {}
    for target, version, kind, action, basis, _ in rows:
        before = last.get((target, version, kind))
        assert before != (action, basis), f"{kind} {target} was decided twice: {action}"
        last[target, version, kind] = (action, basis)
    assert len({key for *_, key in rows}) == len(rows)


def check_policy(programs: Programs, posted: Sequence[Posted]) -> Counter[str]:
    """Each post is where the policy puts its text; a planted copy there or further, for being one of many.

    Returns how many posts are in which state.
    """
    states = {bytes(post): str(state) for post, state in programs.ask("SELECT id, state FROM pub_post")}
    asked = {bytes(post) for (post,) in programs.ask("SELECT target FROM mod_item WHERE queue <> 'audit'")}
    asked |= {bytes(post) for (post,) in programs.ask("SELECT target FROM mod_cluster_member")}
    said = load_cascade().classify([each.line.text for each in posted])
    wrong = []
    for each, what in zip(posted, said, strict=True):
        wanted, found = STATES[what.action], states[each.post]
        if found != wanted and (each.line.family is None or ORDER.index(found) < ORDER.index(wanted)):
            wrong.append((each.line.lang, each.line.disguise, what.action, what.rule, found))
        if what.action in ("review", "hold", "limit", "label") and each.post not in asked:
            wrong.append((each.line.lang, each.line.disguise, what.action, what.rule, "nobody is asked"))
    assert not wrong, wrong[:5]
    return Counter(states[each.post] for each in posted)


async def check_accounts(programs: Programs, month: str, home: Home) -> dict[str, int]:
    """Report, log and database agree to the unit, as the commands say and as counted here."""
    data = ("--data", str(programs.data))
    report = await home.json("moderation", "report", month, "--check", *data)
    proof = await home.json("moderation", "log", "verify", *data)
    decisions = programs.count("SELECT count(*) FROM mod_decision")
    entries = programs.count("SELECT count(*) FROM mod_audit_entry")
    marks = ",".join("?" * len(RESTRICTING))
    restricting = programs.count(f"SELECT count(*) FROM mod_decision WHERE action IN ({marks})", *sorted(RESTRICTING))
    assert proof["whole"] is True
    assert proof["size"] == entries == report["log"]["end"] - report["log"]["first"]
    assert proof["decisions"] == decisions == report["log"]["kinds"]["decision"] + report["log"]["kinds"]["appeal"]
    assert report["restrictions"]["total"] == restricting
    assert sum(report["posts"].values()) == programs.count("SELECT sum(posts) FROM mod_tally")
    return {"log entries": entries, "decisions": decisions, "restrictions": restricting}
