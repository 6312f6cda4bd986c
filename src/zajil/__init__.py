"""Zajil: an end-to-end encrypted messenger that stays reachable."""
