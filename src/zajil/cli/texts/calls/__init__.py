"""Words about calls."""
