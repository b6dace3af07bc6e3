"""Changes to private parts of BentoML, uvicorn and circus, which have no public option."""
