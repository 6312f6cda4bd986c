"""Something like speech, for a fake microphone."""

from __future__ import annotations

import math
import random
import struct
import wave
from pathlib import Path

RATE = 48_000


def write_speech(file: Path, *, seconds: int = 6) -> None:
    """Something like speech, for the fake microphone: syllables of a buzz and of noise, and pauses of a second."""
    draw = random.Random(5)
    samples: list[int] = []
    for number in range(seconds * 4):
        pause = number % 8 >= 5
        pitch = draw.uniform(90, 220)
        for at in range(RATE // 4):
            shape = math.sin(math.pi * at / (RATE // 4))
            buzz = sum(math.sin(2 * math.pi * pitch * n * at / RATE) / n for n in range(1, 7))
            value = 0.0 if pause else shape * (0.25 * buzz + (0.3 * draw.uniform(-1, 1) if number % 3 == 0 else 0))
            samples.append(int(max(-1.0, min(1.0, value)) * 20_000))
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, RATE, len(samples), "NONE", ""))
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
