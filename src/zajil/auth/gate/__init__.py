"""What lets people register: proof of work, dearer with load."""
