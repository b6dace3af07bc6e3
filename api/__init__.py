"""The HTTP contract: what may come in, what goes out, and what a refusal looks like."""
