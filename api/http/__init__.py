"""A request's way to an endpoint: keys, bodies, admission, headers and metrics."""
