"""What people type or paste behind a command: links, and lengths of time."""
