"""What the service does per second, and what its parts cost: `python -m benchmarks --help`."""
