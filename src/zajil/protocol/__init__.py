"""What both ends must agree on. Pure: bytes, events, `now` and random bytes are arguments; nothing here does I/O."""
