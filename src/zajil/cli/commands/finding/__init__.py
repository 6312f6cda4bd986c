"""`search`: finding what was said."""
