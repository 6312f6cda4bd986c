"""Authentication Service (RFC 9750 2.1): accounts, device lists, logins, invite codes, contact tokens, device linking.

Owns the tables of `store.py`. Knows nothing of groups or mailboxes: what must happen there when devices come and go
arrives as callables, wired in `server/app.py`.
"""
