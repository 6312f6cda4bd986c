"""Reach: endpoints, sealed carriers, secret paths of bridges, signed documents."""
