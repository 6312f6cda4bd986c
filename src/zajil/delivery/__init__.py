"""Delivery Service (RFC 9750): key packages, groups and mailboxes of people whose messages it cannot read."""
