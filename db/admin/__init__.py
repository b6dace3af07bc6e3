"""Commands for administrators: set-up, status, and deleting old rows."""
