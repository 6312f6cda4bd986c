"""Users' notices (DSA Art. 16): received, weighed, never acting by themselves."""
