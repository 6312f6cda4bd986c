"""The gate of a server, from the newcomer's side."""
