"""What a fake microphone hears: ten seconds that are never silent, change like speech, and repeat."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Final

import numpy as np

_RATE: Final = 48_000
_SECONDS: Final = 10
_SYLLABLE: Final = _RATE * 2 // 25
"""80 ms. Steady tones are taken for noise by the browser, and suppressed."""


def write_voice(path: Path, *, seed: int) -> Path:
    """A WAV file, mono, 16 bit; another seed is another voice."""
    random = np.random.default_rng(seed)
    at = np.arange(_SYLLABLE) / _RATE
    syllables = []
    for _ in range(_RATE * _SECONDS // _SYLLABLE):
        pitch = random.uniform(110, 320) * (1 + random.uniform(-0.3, 0.3) * at / at[-1])
        phase = 2 * np.pi * np.cumsum(pitch) / _RATE
        weights = random.uniform(0.1, 1, 12) / np.arange(1, 13) ** 0.7
        voiced = sum(weight * np.sin((n + 1) * phase) for n, weight in enumerate(weights))
        envelope = 0.45 + 0.55 * np.sin(np.pi * np.arange(_SYLLABLE) / _SYLLABLE)
        syllables.append(voiced / np.abs(voiced).max() * envelope)
    sound = (np.concatenate(syllables) * 0.6 * 32_767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(sound.tobytes())
    return path
