"""Who reaches this account: links, requests, block, username."""
