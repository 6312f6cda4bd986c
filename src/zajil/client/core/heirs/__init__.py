"""Successor groups: one group takes the place of another that cannot go on, and people see one chat (service.md 6)."""
