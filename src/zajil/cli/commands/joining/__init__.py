"""Commands about permissions of groups and links into them."""
