"""Evaluation on sets that nothing was trained on, with baselines and intervals."""
