"""Export a classifier to OpenVINO in the fastest precision that keeps its accuracy."""
