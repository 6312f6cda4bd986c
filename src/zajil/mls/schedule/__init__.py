"""Transcript hashes, key schedule, pre-shared keys and the secret tree (RFC 9420 chapters 8 and 9)."""
