"""Decisions: the keys that make them happen once, and the reasons given for them."""
