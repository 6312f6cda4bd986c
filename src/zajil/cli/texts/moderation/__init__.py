"""Words of `zajil moderation`."""
