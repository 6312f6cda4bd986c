"""Stage 0: one spelling for what can be written in a hundred. Pure: no I/O, no clock, the same answer everywhere.

`text.normalise` is the whole of it; `folding.fold_search` serves the search index. Source: design/moderation.md section
5.
"""
