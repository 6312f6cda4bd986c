"""Moderation's tables, and one function for each statement, inside the caller's transaction."""
