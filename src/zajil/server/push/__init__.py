"""The push side of a running server: who posts, and what it is wired with."""
