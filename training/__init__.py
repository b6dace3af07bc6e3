"""The way from labelled tweets to a model that can be served."""

import inference  # noqa: F401  # switches usage tracking off before NNCF is imported
