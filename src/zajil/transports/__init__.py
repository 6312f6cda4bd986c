"""Bytes in, bytes out: how records and control calls reach a server. No policy, no retry, no session."""
