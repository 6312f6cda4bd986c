"""Calls of this client: what media is sealed with, and the ways that it goes."""
