"""The registry of bridges: who runs one, which token opens which, and the signed documents that clients find them by.

Public bridges stand in the signed list with their tokens, so a censor knows them too. Private ones are handed out by
token: a token is bound to up to three of them when it is issued and never gets others, so that whoever collects tokens
one by one learns few bridges. The server does not keep who got a token, or from whom.
"""
