"""The mailbox engine on PostgreSQL."""
