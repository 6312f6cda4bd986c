"""Search over messages: how texts are folded, and what a query finds in them."""
