"""The same server at another address: fronts and ports change, the server's name never does (service.md 1)."""

from __future__ import annotations

from pathlib import Path
from secrets import token_bytes

from zajil.client.shell.calls import Calls
from zajil.client.shell.device import Device
from zajil.client.shell.enrol import now_ms
from zajil.client.state import rows
from zajil.protocol import control
from zajil.protocol.errors import error
from zajil.transports.direct import DirectTransport, check_address


async def use_server(home: Path, server: str) -> None:
    """Let the device in `home`, which nothing has open, reach its server at this address from now on.

    Raises `no-home`, `bad-link` where a server of another name answers, Unreachable where none does.
    """
    address = check_address(server)
    device = Device(home)
    try:
        if device.profile.server == address:
            return
        async with DirectTransport(address) as transport:
            config = await Calls(transport).call(control.CONFIG, control.Config)
        if config.server_name != device.profile.server_name:
            raise error("bad-link", "another server")
        with device.store.step("use-server", now_ms(), token_bytes) as tx:
            rows.save_profile(tx, rows.changed(rows.load_profile(tx), server=address))
    finally:
        await device.close()
