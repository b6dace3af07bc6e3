"""A service that does nothing: what its start takes is BentoML's own."""

import bentoml


@bentoml.service
class NoopService:
    """Give texts back."""

    @bentoml.api
    def predict(self, text: str) -> str:
        """Give a text back."""
        return text
