"""Reach: endpoints, sealed carriers, secret paths of bridges, signed documents. Source: design/reach.md, sections 4, 8, 10, 11."""
