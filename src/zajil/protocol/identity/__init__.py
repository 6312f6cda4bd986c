"""Accounts and devices: signed objects, links, linking, safety number. Source: docs/protocol/security.md."""
