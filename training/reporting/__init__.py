"""Plots, model card and job summary of a training run."""
