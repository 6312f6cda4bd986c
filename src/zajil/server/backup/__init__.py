"""`zajil backup` and `zajil restore`: one archive of what a server stores, and a second file with its keys."""
