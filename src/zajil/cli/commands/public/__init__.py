"""Commands of the public space."""
