"""From a trained model to the form that is served: graph, precision, and checks."""
