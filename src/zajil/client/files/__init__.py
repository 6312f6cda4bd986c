"""Files of messages: sealed here, sent in pieces, fetched, checked, opened."""
