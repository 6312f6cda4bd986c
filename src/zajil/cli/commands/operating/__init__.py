"""What an operator does with a server's data besides running it."""
