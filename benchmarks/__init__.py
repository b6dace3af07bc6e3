"""Benchmarks of serving, recording, dashboards and training: `python -m benchmarks --help`."""
