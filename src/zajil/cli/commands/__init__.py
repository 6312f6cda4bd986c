"""One file per group of commands. Nothing heavy is imported until a command runs, so that `zajil` answers at once."""
