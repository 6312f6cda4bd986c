"""The public space: personas, channels, posts, search, subscriptions. Knows no account and no device."""
