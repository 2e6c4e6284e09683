"""The public door: what a plugin may bring, and how it is found, named and tested."""
