"""The public space as one device uses it: its personas, and channels and posts as one of them or as nobody.

Nothing here touches what a device says as an account, but for one call: the pass that a persona is made with.
"""
