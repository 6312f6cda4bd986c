"""RFC 9420 (MLS) for clients, sans I/O: bytes, time and randomness come in as arguments, new values come out."""
