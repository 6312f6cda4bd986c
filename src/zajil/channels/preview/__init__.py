"""Channels as pages for anybody with a browser: no account, no script, no cookie."""
