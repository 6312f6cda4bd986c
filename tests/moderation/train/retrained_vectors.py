"""Writes `vectors/moderation/retrained.json`: scores of a model trained on the fixture, on the machine of the model.

Run: .venv/bin/python -m tests.moderation.train.retrained_vectors. Only after a meant change of the normaliser, the
features or the fit; the test that reads it holds other machines to these scores.
"""

from __future__ import annotations

import json

from tests.moderation.train.fixture import make_rows
from tests.moderation.train.test_training import PRIORS, VECTORS

from zajil.moderation.classify.heads import parse_model
from zajil.moderation.normalise.text import normalise_batch
from zajil.moderation.train.corpus import prepare
from zajil.moderation.train.linear import train_linear

TEXTS = (
    "the teacher waits for our bus today",
    "send a deposit for the river today",
    "get paid twice, enter your card",
    "something else altogether",
    "учитель ждёт наш автобус",
    "введи карту и выиграй хлеб",
    "гарантированная прибыль каждый день",
    "совсем другое дело",
    "المعلم ينتظر الحافلة اليوم",
    "ادفع عربون للخبز",
    "ربح مضمون كل يوم",
    "شيء آخر تماما",
)


def main() -> None:
    """Train and write."""
    result = train_linear(prepare(make_rows()), priors=PRIORS, commit="test", data={"fixture": "00"}, shipped=False)
    scores = parse_model(result.data).score_batch(normalise_batch(TEXTS)).probabilities
    cases = [
        {"text": text, "scores": [round(float(score), 6) for score in row]}
        for text, row in zip(TEXTS, scores, strict=True)
    ]
    source = "python -m tests.moderation.train.retrained_vectors"
    VECTORS.write_text(json.dumps({"source": source, "cases": cases}, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
