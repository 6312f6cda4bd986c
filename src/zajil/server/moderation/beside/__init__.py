"""The moderation worker as a child of its server: both ends, and what they say to each other."""
