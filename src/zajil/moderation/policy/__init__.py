"""The policy: a versioned file, its checks, and the pure decision it makes of a verdict."""
