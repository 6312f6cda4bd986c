"""coturn beside the server: its configuration, the process, and the check that its addresses work."""
