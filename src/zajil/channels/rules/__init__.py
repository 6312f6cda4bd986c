"""Pure rules of the public space: roles, trust, and the states of posts."""
