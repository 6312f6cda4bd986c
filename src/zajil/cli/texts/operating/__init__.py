"""Words of `commands.operating`."""
