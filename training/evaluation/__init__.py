"""Predictions of a model and their metrics."""
