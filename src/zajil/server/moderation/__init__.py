"""Moderation on a server: wired to its public space, steered by its operator, proven by its log."""
