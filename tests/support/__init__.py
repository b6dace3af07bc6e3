"""Helpers that test suites share."""
