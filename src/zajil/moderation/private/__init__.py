"""Reports from private chats as moderators hold them: sealed to their key, judged by people, then forgotten."""
