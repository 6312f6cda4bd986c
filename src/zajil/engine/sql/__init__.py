"""Storage: the shared SQLAlchemy metadata and connections, and the mailbox engine with its hand-tuned hot path."""
