"""Guesses secret paths of a bridge: `python -m tests.censor.programs.guess HOST DIR COUNT`.

Half of the guesses ask for a WebSocket, half do not; eight connections at once. Answers how often each status came.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections import Counter
from typing import Final

import aiohttp

CONNECTIONS: Final = 8
_PATH_BYTES: Final = 28
_UPGRADE: Final = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def main(host: str, folder: str, count: int) -> None:
    """Guesses, and prints the counts as JSON."""
    answers: Counter[int] = Counter()
    left = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as http:

        async def guess() -> None:
            for number in left:
                secret = base64.urlsafe_b64encode(os.urandom(_PATH_BYTES)).decode().rstrip("=")
                headers = _UPGRADE if number % 2 else {}
                async with http.get(f"https://{host}/{folder}/{secret}", headers=headers) as answer:
                    await answer.read()
                    answers[answer.status] += 1

        await asyncio.gather(*(guess() for _ in range(CONNECTIONS)))
    print(json.dumps(answers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
