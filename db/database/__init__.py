"""Connections, schema and migrations of the databases that predictions are written to."""
