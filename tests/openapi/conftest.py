"""The server that moderates, with both spaces and all callers."""

from tests.moderation.people.conftest import client, clock, desk, server, settings

__all__ = ["client", "clock", "desk", "server", "settings"]
