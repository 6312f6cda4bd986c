"""Talking: what message bodies mean and do, what was read, who is writing."""
