"""History from device to device: what an old one puts into archives, and what a new one takes from them."""
