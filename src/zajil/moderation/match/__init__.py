"""Stage 1: what has been seen before. Exact and near copies, addresses on lists, campaigns. Pure: `now` is an argument.

Source: design/moderation.md section 6.
"""
