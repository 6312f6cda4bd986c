"""Personas and their logins."""
