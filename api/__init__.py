"""The HTTP API: its contract, and the layer that enforces it."""
