"""The way from labelled tweets to a model that can be served."""
