"""Stage 2: the policy's rules over one post. Compiled once, no I/O; counters and the clock are given."""
