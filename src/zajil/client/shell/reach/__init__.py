"""How one device reaches its server: what it knows, what it may try, and its race while the home is open."""
