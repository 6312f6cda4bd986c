"""Giving account: transparency reports, the published log, and what lawful requests get."""
