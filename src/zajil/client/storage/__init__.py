"""The home on disk: key file, sealed SQLite store, lock of the receiving process. No protocol knowledge."""
