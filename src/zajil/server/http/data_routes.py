"""What the server stores, shown to those it concerns: the whole inventory, and single rows as they rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from zajil.auth import holdings as auth_holdings
from zajil.auth.context import Auth
from zajil.bridges.registry import holdings as bridge_holdings
from zajil.bridges.registry.context import Registry
from zajil.delivery import holdings as delivery_holdings
from zajil.delivery.context import Delivery, DeviceCaller
from zajil.delivery.push import store as push_store
from zajil.engine.sql.interface import StoredRow
from zajil.protocol import control
from zajil.protocol.control import Route
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.server.http.auth_routes import device_of
from zajil.server.http.calls import BoundRoute, Request
from zajil.server.inventory import collect

_WITHHELD: Final = frozenset({("message", "refs")})
"""How many mailboxes still hold a message tells when somebody else fetched it, whatever their receipts say."""


def bind_data(auth: Auth, delivery: Delivery, registry: Registry) -> Mapping[Route, BoundRoute]:
    """The routes of the data inventory."""
    columns = collect()
    described = {(row.table, row.column): row for row in columns}

    async def own_data(request: Request) -> msgspec.Struct:
        caller = device_of(request)
        counts = {
            **await delivery_holdings.count_rows(delivery, DeviceCaller(*caller)),
            **await delivery.db.read(lambda db: push_store.count(db, caller.account_id)),
            **await auth_holdings.count_rows(auth, caller),
            **await bridge_holdings.count_rows(registry, caller.account_id),
        }
        return control.OwnData(
            tuple(
                control.OwnDataRow(row.table, row.column, row.kind, row.purpose, row.retention, counts.get(row.table))
                for row in columns
            )
        )

    def cell(table: str, name: str, value: int | bytes | None) -> control.StoredCell:
        about = described[table, name]
        shown = encode_b64(value) if isinstance(value, bytes) else value
        if (table, name) in _WITHHELD:
            return control.StoredCell(table, name, about.kind, about.purpose, None, True)
        return control.StoredCell(table, name, about.kind, about.purpose, shown)

    def cells(row: StoredRow) -> list[control.StoredCell]:
        return [cell(row.table, name, value) for name, value in row.values.items()]

    async def mailbox_row(request: Request) -> msgspec.Struct:
        message_id = parse_b64(request.parameters["id"], size=16)
        found = await delivery_holdings.find_message(delivery, DeviceCaller(*device_of(request)), message_id)
        return control.StoredMessage(tuple(each for row in found for each in cells(row)))

    return {control.OWN_DATA: own_data, control.MAILBOX_ROW: mailbox_row}
