"""What is frequent at the mailboxes, as few statements for many operations, on either database."""
