"""The prediction log: every answered prediction is a row of the table `metrics`."""
