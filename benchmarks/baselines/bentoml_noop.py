"""A BentoML service that does nothing: its start-up time is BentoML's own."""

import bentoml


@bentoml.service
class NoopService:
    """Echo texts."""

    @bentoml.api
    def predict(self, text: str) -> str:
        """Return the text."""
        return text
