"""Stand-in for `zajil bridge up`."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from zajil.bridges.edge.config import load_config
from zajil.bridges.edge.daemon import Bridge
from zajil.bridges.edge.home import Credential, Home


async def main(folder: Path) -> None:
    config = load_config(folder / "bridge.toml")
    home = Home(config)
    credential = Credential(folder)
    if credential.read() is None:
        credential.write(await home.join(config))
    held = credential.read()
    assert held is not None
    home.be(held)
    bridge = await Bridge.start(config, folder, home)
    await bridge.pulled.wait()
    print("ready", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await bridge.stop()
    await home.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
