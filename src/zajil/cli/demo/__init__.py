"""`zajil demo`: a story played by a real server and real clients; every line it prints comes out of them."""
