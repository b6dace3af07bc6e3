"""The spool: a durable outbox on the local disk, in SQLite files."""
