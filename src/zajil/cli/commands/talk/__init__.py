"""Commands about the list of chats."""
