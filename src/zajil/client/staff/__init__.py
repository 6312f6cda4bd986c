"""A member of staff on the command line: a sealed key, a session, and calls to /mod/v1."""
