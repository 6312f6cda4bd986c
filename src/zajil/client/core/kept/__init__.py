"""What outlives a lost home: the encrypted backup, and the chats a restored device asks for."""
