"""Calls: what the operator does for them."""
