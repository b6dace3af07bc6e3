"""Labelled tweets: where they are loaded from, and which rows a run uses."""
