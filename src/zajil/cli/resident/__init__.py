"""`zajil run`: the server and Echo as two processes under one supervisor that ends with them and they with it."""
