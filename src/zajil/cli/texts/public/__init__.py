"""Words of the public space."""
