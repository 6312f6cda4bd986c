"""Members of staff: invited, proven by a key, with a role."""
