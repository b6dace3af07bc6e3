"""The `.env` that compose and the host's commands read.

`make env` runs it before anything is installed: only `check` needs more than the standard library.
"""
