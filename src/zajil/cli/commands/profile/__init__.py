"""Several accounts in one folder."""
