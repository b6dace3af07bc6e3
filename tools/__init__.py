"""Tools for the compose stack: `make env` and `make replay`."""
