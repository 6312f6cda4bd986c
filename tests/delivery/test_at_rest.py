"""What a seized disk holds: no text, no pair of mailbox and group, and after delivery nothing of a message at all."""

from __future__ import annotations

from tests.delivery.world import Group, Server

from zajil.engine.sql import interface as op
from zajil.protocol.ids import encode_b64

TEXT = b"the text of a message, which no disk may hold"


def rows(server: Server) -> dict[str, list[tuple[object, ...]]]:
    with server.database.engine.connect() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'").scalars().all()
        return {t: [tuple(r) for r in connection.exec_driver_sql(f'SELECT * FROM "{t}"')] for t in tables}


def on_disk(server: Server) -> bytes:
    return b"".join(p.read_bytes() for p in server.path.parent.glob(server.path.name + "*"))


def spellings(value: bytes) -> list[bytes]:
    return [value, value.hex().encode(), encode_b64(value).encode()]


def story(server: Server) -> list[Group]:
    a, b, c = server.mailbox(), server.mailbox(), server.mailbox()
    groups = [Group(server, a, b), Group(server, b, c), Group(server, a, b, c)]
    for group in groups:
        server.send(group.send_frame(TEXT))
        group.remove(1)
        server.send(group.send_frame(TEXT))
    return groups


def test_no_row_pairs_a_group_with_a_mailbox_and_no_body_is_readable(server: Server) -> None:
    groups = story(server)
    boxes = {bytes(box) for group in groups for box in group.leaves.values()}
    for table, found in rows(server).items():
        for row in found:
            cells: list[bytes] = [c for c in row if isinstance(c, bytes)]
            groups_in = [g for g in groups if any(bytes(g.gid) in cell for cell in cells)]
            assert table == "grp" or not groups_in, f"{table} names a group"
            assert not groups_in or not any(box in cell for box in boxes for cell in cells)
    disk = on_disk(server)
    secrets = [TEXT, b"come in", *(g.roster_key for g in groups), *(t for g in groups for t in g.tokens)]
    secrets += [ref for g in groups for ref in g.refs.values()]
    for secret in secrets:
        assert not any(form in disk for form in spellings(secret))


def test_rosters_of_one_and_of_many_rest_in_the_same_size(server: Server) -> None:
    small, large = Group(server, server.mailbox()), Group(server, *(server.mailbox() for _ in range(12)))
    sizes = {len(bytes(row[4])) for row in rows(server)["grp"]}  # type: ignore[call-overload]  # a blob
    assert len(sizes) == 1
    assert small.gid != large.gid


def test_after_delivery_nothing_is_left_not_even_in_free_pages(server: Server) -> None:
    groups = story(server)
    ids: set[bytes] = set()
    vias: set[bytes] = set()
    for box in {box for group in groups for box in group.leaves.values()} | _all_boxes(server):
        queue = server.engine.read_now(box, 0, n=1000)  # type: ignore[arg-type]  # a MailboxId by use
        ids |= {m.id for m in queue}
        vias |= {m.via for m in queue if m.via}
        server.do(op.Ack(mailbox_id=box, upto=server.engine.state_now(box).head))  # type: ignore[arg-type]
    server.database.truncate_log()
    found = rows(server)
    assert found["message"] == found["mailbox_item"] == []
    disk = on_disk(server)
    assert ids
    assert not [value for value in ids | vias if value in disk]


def _all_boxes(server: Server) -> set[bytes]:
    return {bytes(row[0]) for row in rows(server)["mailbox"]}  # type: ignore[call-overload]  # a blob
