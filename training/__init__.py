"""Training: from labelled tweets to a registered and published model."""

import inference  # noqa: F401  # switches usage tracking off before NNCF is imported
