"""What calls need of a server: relay credentials, tickets, and rooms that carry media where nothing else passes.

It knows no account and no key: who asks shows the send token of a group, on a session without a name.
"""
