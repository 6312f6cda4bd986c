"""Words of talking that have a page of their own."""
