"""Load and sample labelled tweets."""
