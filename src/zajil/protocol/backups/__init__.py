"""Encrypted backups as the server sees them."""
