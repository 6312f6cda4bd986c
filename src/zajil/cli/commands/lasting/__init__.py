"""Commands by which an account and its chats outlive a device: recovery key, export, deletion."""
