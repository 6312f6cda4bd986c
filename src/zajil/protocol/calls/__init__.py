"""Calls as both ends must agree on them: signals, the life of a call, the ladder of routes, media frames, quality."""
