"""All chats of a home as files for people (HTML) and programs (JSON)."""
