"""Parse and check `.env`.

`make env` runs before anything is installed, so only `check` needs more than the standard library.
"""
