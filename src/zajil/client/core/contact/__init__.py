"""Who reaches this account: people it blocks, requests of strangers and its own ones."""
