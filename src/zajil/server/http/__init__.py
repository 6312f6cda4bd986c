"""Control calls: one table of routes, dispatched alike from plain HTTPS and from HTTP_REQ frames of a session."""
