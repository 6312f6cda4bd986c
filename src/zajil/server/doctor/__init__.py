"""`zajil doctor --data DIR`: the commonest mistakes of whoever runs a server, found while it runs or is stopped."""
