"""What reviewers do: queues and items, decisions, and what follows from them for everybody they meet."""
