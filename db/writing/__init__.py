"""Delivery from the spool to the database: batches, retries, back-off, dead letters."""
