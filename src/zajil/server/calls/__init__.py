"""The service of calls, wired: its routes, the media rooms of this process, and a relay beside it."""
