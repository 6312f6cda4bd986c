"""What a volunteer runs: an unmodified web server with a real site, and behind it a daemon that few can wake."""
