"""Words of `commands.people`."""
