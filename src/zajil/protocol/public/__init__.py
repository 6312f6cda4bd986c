"""What both ends of the public space must agree on: personas, handles, posts, and the calls of /pub/v1."""
