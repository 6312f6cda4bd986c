"""The command line: thin commands over the SDK (`zajil.client`) and the server, with texts in three languages."""
