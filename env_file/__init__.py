"""The `.env` that compose and the host's commands read; it needs Python's own library alone."""
