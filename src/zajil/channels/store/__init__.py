"""Statements of the public space: one function each, inside the caller's transaction."""
