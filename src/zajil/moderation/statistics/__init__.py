"""The transparency report: what moderation did in a month, counted from the log's decisions and the audit sample."""
