"""The sentences of the model card that no figure can say."""

from __future__ import annotations

from typing import Final

INTRO: Final = """
# Model card
<!-- Made by `python -m zajil.moderation.evaluate.card`; a test compares. -->

Two models ship in `zajil/moderation/model`: eight linear heads over hashed characters and words (stage 3, every post),
and eight heads of 64 units over sentence vectors of multilingual-e5-small in four bits, weighed together with the
linear ones (stage 4, for a few posts in a hundred). **No server runs stage 4 yet**, whatever is installed: its figures
are of `zajil moderation evaluate` alone. The models read public posts in Arabic, English and Russian and never a
private chat. What they were trained on: [training data](training-data.md). How
to measure them again: `zajil moderation evaluate --suite all`.
"""

READ: Final = """
Out of fold, five folds by hash, templates of one purpose in one fold whatever their language. These figures flatter all
the same: the rows come from the same sets, and templates from the same hand. The last column is what to expect
elsewhere.
"""

USE: Final = """
## What they are for
- To order a queue, to hold or limit for a person to look, within the thresholds above. Nothing else acts on a score.
- Not to judge persons, not to search private messages, not to decide alone about hate, harassment, sexual content,
  self-harm or violence: no threshold for removal exists there by rule.
- Not for languages other than these three: what looks like another language is never acted on by a score.
"""

LIMITS: Final = """
## Known failures
- **Benign lines are presumed benign.** They were filtered by keywords, so a rate of false alarms on them is a floor.
  The hard lines beside them (at least 600 a language) were read once, by a language model and by no second reader.
- **Arabic is thin.** One labelled set of 3,353 tweets of the 2010s, mostly Levantine and Gulf; Maghrebi and Sudanese
  are almost absent. Incitement, sabotage, fraud, sexual content and self-harm in Arabic and Russian rest on templates.
- **Templates and suites were written by language models of one family.** They share habits of writing that no measure
  of overlap finds; read the figures of ThreatCheck and FraudCheck as the upper end.
- **Quotation, counter-speech, fiction and reclaimed slurs** share the words of the harm. Linear heads see words and not
  who speaks; the tables above say how often they fail.
- **Coded calls** ("bring the gloves") are harmless word by word and are mostly missed.
- **Names of groups** pull towards hate where training rows mention a group mostly in hateful company.
- **Arabizi offers**: Arabic in Latin letters, read back, looks like fraud too often; the table of disguises gives the
  share of harmless ones that are called so.
- **Self-harm and sexual content** have no labelled rows in any language; a head that learned from templates alone ranks
  other templates hardly better than chance (self-harm) or somewhat better (sexual), and nobody measured it elsewhere.
- **Long posts**: sentence vectors see the first 700 characters.
- **The PAN24 set** as stored repeats the toxic sentence in its neutral column, so toxic sentences stand against benign
  lines of share-alike sources; real pairs would be harder.
- **The test sets were opened more than once** while the models were built, and which approach was kept was decided with
  these figures in sight, so they are somewhat kind. Weights, calibration, thresholds and operating points come from
  training rows alone.
"""
