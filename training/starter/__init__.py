"""The starter: a small classifier trained from scratch, for the first run and for tests."""
