"""Joining a group by a link: who asks, and who lets in."""
