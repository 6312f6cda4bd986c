"""Bridges: the registry in the home server, and the daemon that volunteers run."""
