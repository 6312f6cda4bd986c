"""How people find each other: requests of strangers, links, usernames; pure."""
