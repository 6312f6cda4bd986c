"""Transparency logs: the Merkle tree, and the signed checkpoints that publish its head."""
