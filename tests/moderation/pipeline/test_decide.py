"""The verb that decides: once by its key, logged with it or not at all, and a person's word above a program's."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from sqlalchemy import Connection
from tests.moderation.pipeline.square import BENIGN, FRAUD, OTHER_REVIEWER, REVIEWER, Square

from zajil.moderation.audit.entries import check_record, make_pseudonym, parse_entry
from zajil.moderation.decide.decide import Decisions, decide, hand_over
from zajil.moderation.decide.orders import Decided, Order, encode_record, order_key
from zajil.moderation.decide.statements import parse_statement, puid_of
from zajil.moderation.store import log
from zajil.moderation.store.decisions import DecisionRow
from zajil.protocol.errors import LocalProtocolError
from zajil.protocol.ids import parse_b64
from zajil.protocol.public.posts import PostDecision


def order(post: str, **more: object) -> Order:
    fields: dict[str, object] = {
        "key": order_key("test", post),
        "target": parse_b64(post),
        "version": 1,
        "action": "remove",
        "category": "spam",
        "lang": "en",
        "source": "person",
        "actor": REVIEWER,
    }
    return Order(**(fields | more))  # type: ignore[arg-type]  # the test's own fields


async def judged(square: Square, text: str = BENIGN) -> str:
    (post,) = await square.crowd([text])
    await square.work()
    return post


async def test_the_same_key_decides_once(square: Square) -> None:
    post = await judged(square)
    (first,) = await decide(square.decisions, [order(post)])
    (again,) = await decide(square.decisions, [order(post, note="said twice")])
    assert (first.fresh, again.fresh) == (True, False)
    assert again.row == first.row
    assert square.rows("SELECT count(*) FROM mod_decision") == [(1,)]
    assert square.state(post) == "removed"


async def test_the_log_has_the_very_record_under_a_salt_and_the_reviewer_under_a_pseudonym(square: Square) -> None:
    post = await judged(square)
    (decided,) = await decide(square.decisions, [order(post)])
    data = square.db.read_sync(lambda db: log.find_entry(db, decided.row.entry))
    assert data is not None
    entry = parse_entry(data)
    check_record(entry, decided.row.salt, encode_record(decided.row))
    assert entry.actor_pseudonym == make_pseudonym(square.decisions.pseudonym_key, REVIEWER)
    assert REVIEWER not in data
    assert REVIEWER not in encode_record(decided.row)


async def test_what_fails_beside_a_decision_undoes_it_whole(square: Square) -> None:
    post = await judged(square)

    def fail(db: Connection, made: Sequence[Decided]) -> None:
        assert made[0].fresh
        raise ValueError

    with pytest.raises(ValueError):
        await decide(square.decisions, [order(post)], also=fail)
    assert square.rows("SELECT count(*) FROM mod_decision") == [(0,)]
    assert square.rows("SELECT count(*) FROM mod_audit_entry") == [(0,)]
    assert square.state(post) == "visible"


async def test_an_author_is_told_why_in_the_statement(square: Square) -> None:
    post = await judged(square)
    (decided,) = await decide(square.decisions, [order(post, source="notice")])
    assert decided.row.sor is not None
    statement = parse_statement(decided.row.sor)
    assert statement.puid == puid_of(decided.row.id)
    assert statement.source_type == "SOURCE_ARTICLE_16"
    assert (statement.automated_detection, statement.automated_decision) == ("No", "AUTOMATED_DECISION_NOT_AUTOMATED")
    ((handle,),) = square.rows("SELECT handle FROM pub_channel")
    assert str(handle) in statement.explanation
    (back,) = await decide(square.decisions, [order(post, key=order_key("b", post), action="restore", category="")])
    assert back.row.sor is None
    assert back.row.supersedes == decided.row.id


async def test_a_program_never_undoes_a_person(square: Square) -> None:
    post = await judged(square)
    (person,) = await decide(square.decisions, [order(post, action="allow", category="")])
    program = order(post, key=order_key("program", post), actor=b"", source="rule", automated="fully")
    (outranked,) = await decide(square.decisions, [program])
    assert not outranked.fresh
    assert outranked.row == person.row
    (other,) = await decide(square.decisions, [order(post, key=order_key("other", post), actor=OTHER_REVIEWER)])
    assert other.fresh
    assert square.state(post) == "removed"


async def test_an_item_is_closed_by_the_decision_that_answers_it(square: Square) -> None:
    post = await judged(square, FRAUD)
    assert square.rows("SELECT state FROM mod_item WHERE queue = 'main'") == [("open",)]
    (decided,) = await decide(square.decisions, [order(post, action="allow", category="")])
    assert square.rows("SELECT state, decision_id FROM mod_item WHERE queue = 'main'") == [("done", decided.row.id)]


async def test_what_was_decided_and_not_carried_out_is_handed_over_by_whoever_comes_next(square: Square) -> None:
    post = await judged(square)

    async def lost(batch: Sequence[PostDecision]) -> None:
        raise ConnectionError

    broken = Decisions(
        **{name: getattr(square.decisions, name) for name in Decisions.__dataclass_fields__ if name != "handing"}
        | {"apply": lost}
    )
    with pytest.raises(ConnectionError):
        await decide(broken, [order(post)])
    assert square.state(post) == "visible"
    assert await hand_over(square.decisions) == 1
    assert square.state(post) == "removed"
    assert await hand_over(square.decisions) == 0


async def test_decisions_about_people_go_to_what_carries_them_out(square: Square) -> None:
    post = await judged(square)
    told: list[DecisionRow] = []

    async def carry_out(row: DecisionRow) -> None:
        told.append(row)

    square.decisions.carry_out["persona"] = carry_out
    (decided,) = await decide(
        square.decisions,
        [order(post, target_kind="persona", target=b"p" * 16, version=0, action="suspend_persona", author=b"p" * 16)],
    )
    assert [row.id for row in told] == [decided.row.id]


@pytest.mark.parametrize("wrong", [{"key": b"short"}, {"action": "remove_cluster"}, {"target_kind": "cluster"}])
async def test_an_order_that_cannot_be_meant_is_refused(square: Square, wrong: dict[str, object]) -> None:
    post = await judged(square)
    with pytest.raises(LocalProtocolError):
        await decide(square.decisions, [order(post, **wrong)])


def test_a_record_names_every_field_that_was_decided_but_not_who_decided() -> None:
    hidden = {"seq", "key", "actor", "note", "salt", "entry", "scores", "channel_id", "author"}
    row = msgspec.convert(dict.fromkeys(DecisionRow.__struct_fields__, b"") | _PLAIN, DecisionRow, strict=False)
    before = encode_record(row)
    for name in set(DecisionRow.__struct_fields__) - hidden:
        value = getattr(row, name)
        other = value + 1 if isinstance(value, int) else value + (b"x" if isinstance(value, bytes) else "x")
        assert encode_record(msgspec.structs.replace(row, **{name: other})) != before, name


_PLAIN: dict[str, object] = {
    **dict.fromkeys(("category", "sub", "lang", "because", "policy", "model", "note"), ""),
    **dict.fromkeys(("seq", "version", "entry", "at", "hold_until"), 1),
    "target_kind": "post",
    "action": "hold",
    "source": "rule",
    "automated": "fully",
}
