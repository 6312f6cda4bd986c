"""What goes over the wire, structure by structure (RFC 9420 chapters 5.3, 6, 10, 12 and 13)."""
