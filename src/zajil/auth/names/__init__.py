"""Usernames, by the keys that clients make of them."""
