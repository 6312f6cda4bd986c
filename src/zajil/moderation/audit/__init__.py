"""The audit log: what was decided, provably complete and in order, without saying about what."""
