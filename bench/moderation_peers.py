"""Packages that others made, on the sets that ours are measured on: one JSON object, and `--write` stores it.

Run: .venv/bin/python bench/moderation_peers.py [--write]. Each package goes into an environment of its own in a scratch
folder, because their dependencies would bend ours (`arabic-toxic` wants an older scikit-learn and loads a pickle), and
answers there for texts from stdin. Their operating point is their own: what they call toxic.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from zajil.moderation.classify.packaged import FOLDER
from zajil.moderation.data.folder import find_data
from zajil.moderation.evaluate.measures import draw_cases, estimate, find_auprc, find_balanced
from zajil.moderation.evaluate.peers import PeerFigures
from zajil.moderation.evaluate.sets import read_test_set

STORED = FOLDER / "peers.json"
# Texts as a JSON list on stdin; on stdout a list of [score, flag].
PROFANITY = """
import json, sys
from profanity_check import predict, predict_prob
texts = json.load(sys.stdin)
json.dump([[float(p), int(f)] for p, f in zip(predict_prob(texts), predict(texts))], sys.stdout)
"""
ARABIC = """
import json, sys
from arabic_toxic import classify
texts = json.load(sys.stdin)
found = [classify(text) for text in texts]
json.dump([[100 - row["scores"]["NOT"], int(row["is_toxic"])] for row in found], sys.stdout)
"""
PEERS = {
    "alt-profanity-check 1.9.1": (("alt-profanity-check==1.9.1",), PROFANITY, ("en",)),
    "arabic-toxic 0.2.3": (("arabic-toxic==0.2.3",), ARABIC, ("ar",)),
}
SETS = (("openai", "en"), ("hatecheck", "en"), ("mhc_arabic", "ar"), ("pan24", "en"), ("pan24", "ar"))


def ask(python: Path, program: str, texts: list[str]) -> np.ndarray:
    """Scores and flags, float [n, 2]."""
    done = subprocess.run([python, "-c", program], input=json.dumps(texts), text=True, capture_output=True, check=True)
    return np.array(json.loads(done.stdout), dtype=float)


def measure(python: Path, program: str, languages: tuple[str, ...]) -> dict[str, PeerFigures]:
    """By `set language`."""
    data = find_data()
    if data is None:
        raise SystemExit("no data folder; set ZAJIL_MODERATION_DATA")
    found = {}
    for name, language in SETS:
        if language not in languages:
            continue
        cases = [case for case in read_test_set(data, name).cases if case.language == language]
        truths = np.array([case.harmful for case in cases])
        answers = ask(python, program, [case.text for case in cases])
        draws = draw_cases([case.pair for case in cases])
        found[f"{name} {language}"] = PeerFigures(
            cases=len(cases),
            auprc=estimate(find_auprc, answers[:, 0], truths, draws),
            balanced=estimate(lambda flags, right: find_balanced(flags > 0, right), answers[:, 1], truths, draws),
        )
    return found


def main() -> None:
    """Install, measure, print."""
    found = {}
    for peer, (packages, program, languages) in PEERS.items():
        with tempfile.TemporaryDirectory() as folder:
            venv.create(folder, with_pip=True)
            python = Path(folder) / "bin" / "python"
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
            found[peer] = measure(python, program, languages)
    text = msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
    sys.stdout.write(text.decode())
    if "--write" in sys.argv:
        STORED.write_bytes(text)


if __name__ == "__main__":
    main()
