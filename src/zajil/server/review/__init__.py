"""The people's side of moderation, wired to the public space and to HTTP. Needs the extra, so it is imported late."""
