"""SQLite: the database of one server, in one file."""
