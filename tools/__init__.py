"""Tools for a running stack: `make env` and `make replay`."""
