"""Texts about the way to the server, and about messages that go without one."""
