"""A report, a removal, an appeal, a reversal: what each side sees, and that a reversal puts everything back."""

from __future__ import annotations

import pytest
from tests.moderation.people.desk import Desk, code_of

from zajil.engine.moderationkeys import FILE_NAME, ModerationKeys
from zajil.moderation.audit.verify import Receipt, check_receipt
from zajil.protocol.control import B16, parse_json
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import redress
from zajil.protocol.public import routes as public
from zajil.protocol.review import api, routes
from zajil.protocol.tlog.checkpoint import NoteKey

TEXT = "Guaranteed doubling of your money within the hour, ask me how"


def counters(desk: Desk) -> list[tuple[object, ...]]:
    """What a decision moves, and its reversal has to move back."""
    return [
        *desk.rows("SELECT id, posts FROM pub_channel ORDER BY id"),
        *desk.rows("SELECT id, accepted, strike_until, limited_until, suspended_until FROM pub_persona ORDER BY id"),
        *desk.rows("SELECT id, state, shown, shown_as, label, category FROM pub_post ORDER BY id"),
    ]


async def test_a_report_leads_to_a_removal_and_both_sides_are_told(desk: Desk) -> None:
    author, reporter, reviewer = await desk.author(), await desk.author(), await desk.member()
    channel = await desk.channel(author)
    post = await desk.visible_post(author, channel, TEXT)
    after_author, after_reporter = await desk.cursor(author), await desk.cursor(reporter)
    assert (await desk.report(reporter, post)).state == "received"
    assert (await desk.report(reporter, post)).report_id == (await desk.reports(reporter))[0].report_id
    item = await desk.take(reviewer)
    assert (item.kind, item.source, item.category, item.claim) == ("post", "notice", "fraud", "mine")
    assert [each.state for each in await desk.reports(reporter)] == ["in_review"]

    status, seen = await desk.mod(routes.READ_ITEM, auth=reviewer.auth, item=encode_b64(item.item_id))
    assert status == 200
    assert encode_b64(reporter.persona_id).encode() not in seen
    assert reporter.handle.encode() not in seen
    found = parse_json(seen, api.Item)
    assert found.subject is not None
    assert found.subject.text == TEXT
    assert found.subject.normalised == TEXT.lower()
    assert found.author is not None
    assert found.author.handle == author.handle
    assert [(each.category, each.note, each.counts) for each in found.complaints] == [("fraud", "look at this", True)]
    assert [each.category for each in found.policy] == ["fraud"]
    assert found.highlights

    made = await desk.decide_item(reviewer, item.item_id, "remove", "fraud")
    stub = await desk.read(post)
    assert (stub.state, stub.category, stub.text) == ("removed", "fraud", "")
    assert not await desk.found("doubling")
    assert [(each.state, each.closed_at) for each in await desk.reports(reporter)] == [("acted", int(desk.clock()))]
    told = await desk.notices(author)
    assert [(each.decision_id, each.action, each.automated) for each in told] == [(made.decision_id, "remove", False)]
    statement = told[0].statement
    assert statement is not None
    assert statement.decision_visibility == ("DECISION_VISIBILITY_CONTENT_REMOVED",)
    assert statement.source_type == "SOURCE_ARTICLE_16"
    assert statement.explanation
    assert told[0].appeal_until == made.at + 180 * 86_400
    assert encode_b64(reviewer.staff_id) not in repr(told)
    standing = await desk.standing(author)
    assert (standing.points, [each.decision_id for each in standing.strikes]) == (1, [made.decision_id])
    assert "notice.created" in (await desk.events(author, after_author))[0]
    assert (await desk.events(reporter, after_reporter))[0].count("report.updated") == 2
    assert not await desk.notices(reporter)


async def test_an_appeal_goes_to_another_person_and_a_reversal_puts_everything_back(desk: Desk) -> None:
    author, reporter = await desk.author(), await desk.author()
    first, second = await desk.member("senior"), await desk.member("senior")
    post = await desk.visible_post(author, await desk.channel(author), TEXT)
    await desk.report(reporter, post)
    item = await desk.take(first)
    before = counters(desk)
    made = await desk.decide_item(first, item.item_id, "remove", "fraud")
    assert counters(desk) != before

    appeal = await desk.appeal(author, made.decision_id)
    assert (appeal.state, appeal.due_at) == ("open", appeal.at + 86_400)
    again = await desk.appeal(author, made.decision_id, "and another thing")
    assert again.appeal_id == appeal.appeal_id
    assert "another thing" in again.text
    assert await code_of(desk.appeal(reporter, made.decision_id)) == "gone"

    name = encode_b64(appeal.appeal_id)
    assert not (await desk.ask(routes.APPEALS, api.Appeals, by=first)).appeals
    assert await desk.refused(routes.CLAIM_APPEAL, by=first, appeal=name) == "own-decision"
    verdict = api.DecideAppeal("reversed", "You are right.")
    assert await desk.refused(routes.DECIDE_APPEAL, verdict, by=first, appeal=name) == "own-decision"
    assert counters(desk) != before
    assert [each.appeal_id for each in (await desk.ask(routes.APPEALS, api.Appeals, by=second)).appeals] == [
        appeal.appeal_id
    ]
    seen = await desk.ask(routes.READ_APPEAL, api.Appeal, by=second, appeal=name)
    assert seen.decision.decision_id == made.decision_id
    assert seen.item.subject is not None
    assert seen.item.subject.text == TEXT
    await desk.ask(routes.CLAIM_APPEAL, api.AppealBrief, by=second, appeal=name)
    result = await desk.ask(routes.DECIDE_APPEAL, api.Decided, verdict, by=second, appeal=name)

    assert counters(desk) == before
    assert (await desk.read(post)).text == TEXT
    assert await desk.found("doubling") == [post]
    assert (await desk.standing(author)).points == 0
    assert [each.state for each in await desk.reports(reporter)] == ["reversed"]
    data = await desk.call(public.READ_APPEAL, auth=author.auth, appeal=name)
    ended = parse_json(data, redress.Appeal)
    assert (ended.state, ended.answer, ended.result) == ("reversed", "You are right.", result.decision_id)
    told = await desk.notices(author)
    assert [(each.action, each.in_force) for each in told] == [("restore", True), ("remove", False)]
    assert told[0].supersedes == made.decision_id
    assert await desk.refused(routes.DECIDE_APPEAL, verdict, by=second, appeal=name) == "appeal-closed"
    assert await code_of(desk.appeal(author, made.decision_id)) == "appeal-closed"
    assert await code_of(desk.appeal(author, result.decision_id)) == "appeal-closed"


async def test_what_an_appeal_upholds_stands_and_its_strike_lasts_no_longer(desk: Desk) -> None:
    author, reporter = await desk.author(), await desk.author()
    first, second = await desk.member(), await desk.member("senior")
    post, made = await desk.removed(author, reporter, first, TEXT)
    strike = (await desk.standing(author)).strikes[0]
    appeal = await desk.appeal(author, made.decision_id)
    desk.clock.advance(3600)
    await desk.log_in(author)
    await desk.log_staff_in(second)
    verdict = api.DecideAppeal("upheld", "It promises gains nobody can promise.")
    result = await desk.ask(routes.DECIDE_APPEAL, api.Decided, verdict, by=second, appeal=encode_b64(appeal.appeal_id))
    assert (result.action, result.category) == ("remove", "fraud")
    assert (await desk.read(post)).state == "removed"
    kept = (await desk.standing(author)).strikes
    assert [(each.weight, each.at, each.expires_at) for each in kept] == [(strike.weight, strike.at, strike.expires_at)]
    rows = desk.rows("SELECT source, automated FROM mod_decision WHERE id = (SELECT result_id FROM mod_appeal)")
    assert rows == [("appeal", "not")]


async def test_partly_puts_something_softer_in_its_place(desk: Desk) -> None:
    author, reporter = await desk.author(), await desk.author()
    first, second = await desk.member(), await desk.member("senior")
    post, made = await desk.removed(author, reporter, first, TEXT)
    name = encode_b64((await desk.appeal(author, made.decision_id)).appeal_id)
    empty = api.DecideAppeal("partly", "Half.")
    assert await desk.refused(routes.DECIDE_APPEAL, empty, by=second, appeal=name) == "malformed"
    blank = api.DecideAppeal("partly", " \t", "limit")
    assert await desk.refused(routes.DECIDE_APPEAL, blank, by=second, appeal=name) == "malformed"
    verdict = api.DecideAppeal("partly", "A warning is enough.", "limit")
    await desk.ask(routes.DECIDE_APPEAL, api.Decided, verdict, by=second, appeal=name)
    assert (await desk.read(post)).state == "limited"
    assert (await desk.standing(author)).points == 0


async def test_a_notice_carries_a_proof_that_the_log_has_its_decision(desk: Desk) -> None:
    author, reporter, reviewer = await desk.author(), await desk.author(), await desk.member()
    _, made = await desk.removed(author, reporter, reviewer, TEXT)
    assert (await desk.notices(author))[0].proof is None
    await desk.sign_log()
    data = await desk.call(public.READ_DECISION, auth=author.auth, decision=encode_b64(made.decision_id))
    proof = parse_json(data, redress.Notice).proof
    assert proof is not None
    keys = ModerationKeys.load(desk.server.data / FILE_NAME)
    key = NoteKey(desk.moderation.origin, keys.log.public_key().public_bytes_raw())
    receipt = Receipt(bytes(proof.entry), tuple(bytes(each) for each in proof.path), proof.checkpoint.encode())
    known = {"keys": [key], "origin": desk.moderation.origin}
    check_receipt(receipt, salt=bytes(proof.salt), record=bytes(proof.record), **known)  # type: ignore[arg-type]
    other = bytes(proof.record)[:-1] + bytes([proof.record[-1] ^ 1])
    with pytest.raises(ZajilError, match="bad-signature"):
        check_receipt(receipt, salt=bytes(proof.salt), record=other, **known)  # type: ignore[arg-type]


async def test_undo_puts_back_what_was_and_comes_too_late_after_a_minute(desk: Desk) -> None:
    author, reporter, reviewer = await desk.author(), await desk.author(), await desk.member()
    other = await desk.member()
    post = await desk.visible_post(author, await desk.channel(author), TEXT)
    await desk.report(reporter, post)
    item = await desk.take(reviewer)
    before, name = counters(desk), encode_b64(item.item_id)
    made = await desk.decide_item(reviewer, item.item_id, "remove", "fraud")
    assert made.undo_until == made.at + 60
    assert await desk.refused(routes.UNDO, by=other, item=name) == "undo-late"
    await desk.ask(routes.UNDO, api.Decided, by=reviewer, item=name)
    assert counters(desk) == before
    assert (await desk.standing(author)).points == 0
    assert await desk.found("doubling") == [post]
    assert (await desk.take(reviewer)).item_id == item.item_id
    await desk.decide_item(reviewer, item.item_id, "remove", "fraud")
    assert (await desk.standing(author)).points == 1
    desk.clock.advance(61)
    assert await desk.refused(routes.UNDO, by=reviewer, item=name) == "undo-late"


async def test_a_suspended_persona_still_reads_why_and_appeals(desk: Desk) -> None:
    author, senior, other = await desk.author(), await desk.member("senior"), await desk.member("senior")
    persona = encode_b64(author.persona_id)
    until = int(desk.clock()) + 30 * 86_400
    body = api.Decide("suspend_persona", "fraud", until=until)
    made = await desk.ask(routes.DECIDE_PERSONA, api.Decided, body, by=senior, persona=persona)
    assert await desk.code(public.SUBSCRIPTIONS, auth=author.auth) == "token-expired"
    await desk.log_in(author)
    assert await desk.code(public.SUBSCRIPTIONS, auth=author.auth) == "persona-suspended"
    assert await desk.code(public.REPORT, redress.NewReport(B16(bytes(16)), "spam"), auth=author.auth) == (
        "persona-suspended"
    )
    told = await desk.notices(author)
    assert [(each.action, each.until) for each in told] == [("suspend_persona", until)]
    assert (await desk.standing(author)).suspended_until == until
    appeal = await desk.appeal(author, made.decision_id)
    verdict = api.DecideAppeal("reversed", "Sorry.")
    await desk.ask(routes.DECIDE_APPEAL, api.Decided, verdict, by=other, appeal=encode_b64(appeal.appeal_id))
    assert await desk.code(public.SUBSCRIPTIONS, auth=author.auth) == "ok"
