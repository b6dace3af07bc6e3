"""The spool: a durable outbox on the local disk, from which rows go to the database."""
