"""The archive in which an old device hands its history to a new one."""
