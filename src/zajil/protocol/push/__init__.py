"""Web Push: what wakes a device that is not connected, and says nothing else."""
