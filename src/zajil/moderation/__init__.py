"""Moderation of public posts, and of verified reports; never of anything else. Needs the extra `zajil[moderation]`."""
