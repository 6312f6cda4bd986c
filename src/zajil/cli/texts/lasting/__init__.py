"""Words of recovery, export and deletion."""
