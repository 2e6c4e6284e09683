"""Feature networks: one file each. Weights are an argument, never fetched inside."""
