"""Commands of `zajil moderation`."""
