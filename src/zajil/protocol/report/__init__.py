"""Message franking: how a member proves to his server what another wrote in a private chat, without the chat."""
