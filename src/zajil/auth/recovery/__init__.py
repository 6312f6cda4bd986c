"""Encrypted backups that no account is named with, and accounts taken up again by whoever holds the account key."""
