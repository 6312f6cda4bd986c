"""The ratchet tree and TreeKEM (RFC 9420 chapters 4 and 7, appendix C)."""
