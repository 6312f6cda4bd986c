"""`moderation queue`, `claim`, `show`, `decide` and what belongs to them: reviewing at the terminal."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.moderation.lists import Harm
from zajil.cli.commands.moderation.staff import Passphrase
from zajil.cli.commands.options import Json
from zajil.cli.frame import frame_of
from zajil.cli.texts.moderation import review as words

if TYPE_CHECKING:
    from zajil.cli.reviewing import Desk
    from zajil.protocol.review import api


class Lang(enum.StrEnum):
    """Languages of items."""

    AR = "ar"
    EN = "en"
    RU = "ru"
    UND = "und"


class SourceFilter(enum.StrEnum):
    """Who asked."""

    HUMAN = "human"
    BOT = "bot"
    MODEL = "model"


class Action(enum.StrEnum):
    """What can be decided; with --cluster, `allow` and `remove` are about every copy."""

    ALLOW = "allow"
    LABEL = "label"
    LIMIT = "limit"
    HOLD = "hold"
    REMOVE = "remove"
    RESTORE = "restore"
    ESCALATE = "escalate"
    STRIKE = "strike"
    SUSPEND_PERSONA = "suspend_persona"
    RESTRICT_CHANNEL = "restrict_channel"
    BLOCK_CHANNEL = "block_channel"


_HIDING = frozenset({Action.LIMIT, Action.HOLD, Action.REMOVE})
ItemId = Annotated[str, typer.Argument(metavar="ITEM", help=words.ITEM_ARGUMENT())]
QueueName = Annotated[str | None, typer.Argument(metavar="QUEUE", help=words.QUEUE_ARGUMENT())]
HarmOption = Annotated[Harm | None, typer.Option("--category", metavar="C", help=words.CATEGORY_OPTION())]
LangOption = Annotated[Lang | None, typer.Option("--lang", metavar="LANG", help=words.LANG_OPTION())]
SourceOption = Annotated[SourceFilter | None, typer.Option("--source", metavar="SOURCE", help=words.SOURCE_OPTION())]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help=words.NOTE_OPTION())]


def queue(
    context: typer.Context,
    name: QueueName = None,
    *,
    category: HarmOption = None,
    lang: LangOption = None,
    source: SourceOption = None,
    json: Json = False,
) -> None:
    """How much waits; with a name, what waits there, the most urgent first."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, plain
    from zajil.protocol.review import api, routes

    desk = Desk(frame_of(context).home)
    if name is None:
        found = desk.call(routes.QUEUES, api.Queues)
        if json:
            print_json(plain(found))
            return
        for each in found.queues:
            console().print(words.QUEUE_LINE(name=each.queue, open=each.open, claimed=each.claimed))
        if found.appeals:
            console().print(words.APPEALS_WAIT(n=found.appeals))
        return
    given = {"category": category, "lang": lang, "source": source}
    query = {key: value.value for key, value in given.items() if value is not None}
    items = desk.call(routes.LIST_ITEMS, api.Items, query=query, queue=name)
    print_items(items, json=json)


def claim(
    context: typer.Context,
    name: QueueName = None,
    *,
    n: Annotated[int, typer.Option("-n", min=1, max=20, help=words.N_OPTION())] = 1,
    category: HarmOption = None,
    lang: LangOption = None,
    source: SourceOption = None,
    json: Json = False,
) -> None:
    """Take items for ten minutes."""
    from zajil.cli.reviewing import Desk, convert
    from zajil.protocol.review import api, routes

    given = {"category": category, "lang": lang, "source": source}
    body = convert({"n": n, **{key: each.value for key, each in given.items() if each}}, api.NewClaim)
    desk = Desk(frame_of(context).home)
    print_items(desk.call(routes.CLAIM, api.Items, body, queue=name or "main"), json=json)


def show(context: typer.Context, item: ItemId, *, json: Json = False) -> None:
    """An item with all that a decision needs."""
    from zajil.cli.output import print_json
    from zajil.cli.review_page import print_item
    from zajil.cli.reviewing import Desk, plain
    from zajil.protocol.review import api, routes

    found = Desk(frame_of(context).home).call(routes.READ_ITEM, api.Item, item=item)
    if json:
        print_json(plain(found))
    else:
        print_item(found)


def decide(
    context: typer.Context,
    item: ItemId,
    action: Annotated[Action, typer.Argument(metavar="ACTION", help=words.ACTION_ARGUMENT())],
    *,
    category: HarmOption = None,
    sub: Annotated[str, typer.Option("--sub", metavar="SUB", help=words.SUB_OPTION())] = "",
    note: NoteOption = "",
    days: Annotated[int | None, typer.Option("--days", min=1, max=3650, help=words.DAYS_OPTION())] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help=words.CLUSTER_OPTION())] = False,
    newest: Annotated[bool | None, typer.Option("--newest/--no-newest", help=words.NEWEST_OPTION())] = None,
    passphrase_file: Passphrase = None,
    json: Json = False,
) -> None:
    """Decide an item; with --cluster, every copy of its text, those to come too."""
    import time

    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, convert, plain
    from zajil.protocol.review import api, routes

    desk = Desk(frame_of(context).home, passphrase_file)
    until = int(time.time()) + days * 86_400 if days is not None else None
    harm = category.value if category else None
    given = {"action": action.value, "category": harm, "sub": sub, "note": note, "until": until}
    if not cluster and action in _HIDING and newest is not False:
        given["newest"] = _find_newest(desk, item, only_near=newest is None)
    body = convert(given, api.Decide)
    if cluster:
        made = _decide_cluster(desk, item, action, body)
    else:
        made = desk.call(routes.DECIDE, api.Decided, body, item=item)
    if json:
        print_json(plain(made))
    elif made.waits_for_second:
        console().print(words.WAITS_FOR_SECOND())
    else:
        if body.newest:
            console().print(words.NEWEST_TOO(version=body.newest))
        console().print(words.DECIDED(action=made.action, copies=made.copies) if made.copies else words.DONE())


def release(context: typer.Context, item: ItemId) -> None:
    """Give an item back."""
    from zajil.cli.output import console
    from zajil.cli.reviewing import Desk
    from zajil.protocol.review import api, routes

    Desk(frame_of(context).home).call(routes.RELEASE, api.Empty, item=item)
    console().print(words.DONE())


def skip(context: typer.Context, item: ItemId, *, json: Json = False) -> None:
    """Give an item back and take another."""
    from zajil.cli.reviewing import Desk
    from zajil.protocol.review import api, routes

    print_items(Desk(frame_of(context).home).call(routes.SKIP, api.Items, item=item), json=json)


def undo(context: typer.Context, item: ItemId, *, json: Json = False) -> None:
    """Take your decision of the last minute back."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, plain
    from zajil.protocol.review import api, routes

    made = Desk(frame_of(context).home).call(routes.UNDO, api.Decided, item=item)
    if json:
        print_json(plain(made))
    else:
        console().print(words.DONE())


def _find_newest(desk: Desk, item: str, *, only_near: bool) -> int:
    """The version to be decided with the one in question: the newest, where it is another; 0 for none."""
    from zajil.protocol.review import api, routes

    subject = desk.call(routes.READ_ITEM, api.Item, item=item).subject
    if subject is None or subject.newest <= subject.version or (only_near and not subject.near_newest):
        return 0
    return subject.newest


def _decide_cluster(desk: Desk, item: str, action: Action, body: api.Decide) -> api.Decided:
    from zajil.cli.failures import USAGE, Failed
    from zajil.protocol.review import api, routes

    acts: dict[Action, api.ClusterAction] = {Action.ALLOW: "allow_cluster", Action.REMOVE: "remove_cluster"}
    found = desk.call(routes.READ_ITEM, api.Item, item=item)
    if action not in acts or not found.brief.cluster_id:
        raise Failed("no-cluster", exit_code=USAGE)
    preview = desk.call(routes.READ_CLUSTER, api.Cluster, cluster=found.brief.cluster_id)
    decision = api.DecideCluster(acts[action], preview.preview_hash, body.category, body.sub, body.note)
    return desk.call(routes.DECIDE_CLUSTER, api.Decided, decision, cluster=found.brief.cluster_id)


def print_items(found: api.Items, *, json: bool) -> None:
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import plain
    from zajil.protocol.ids import encode_b64

    if json:
        print_json(plain(found)["items"])
        return
    if not found.items:
        console().print(words.NOTHING_WAITS())
    for each in found.items:
        copies = f" x{each.copies}" if each.copies else ""
        mark = {"mine": "*", "other": "-"}.get(each.claim, " ")
        category = each.category or "?"
        rest = f"{category}  {each.lang}  {each.source}  {each.harm}"
        console().print(f"{mark} {encode_b64(each.item_id)}  {each.kind}{copies}  {rest}")
