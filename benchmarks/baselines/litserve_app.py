"""LitServe with batching, and no recording: ``python litserve_app.py PORT``; MODEL is a folder."""

import os
import sys
from typing import Any

import litserve  # pylint: disable=import-error  # installed in the baselines' environment
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

BATCH = 32
BATCH_TIMEOUT_S = 0.01


class Classifier(litserve.LitAPI):
    """Classifies the texts that came together in one padded batch."""

    def setup(self, device: str) -> None:
        """Load model and tokenizer."""
        folder = os.environ["MODEL"]
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForSequenceClassification.from_pretrained(folder).to(device).eval()

    def decode_request(self, request: dict[str, str], **_: Any) -> str:
        """Return the posted text."""
        return request["text"]

    def predict(self, x: list[str], **_: Any) -> torch.Tensor:
        """Return probabilities [texts, labels]."""
        encoded = self.tokenizer(x, padding=True, truncation=True, return_tensors="pt")
        encoded = encoded.to(self.device)  # LitServe sets it
        with torch.inference_mode():
            probabilities: torch.Tensor = self.model(**encoded).logits.softmax(dim=-1)
        return probabilities

    def encode_response(self, output: torch.Tensor, **_: Any) -> dict[str, str | float]:
        """Return the most probable label and its probability."""
        score, index = output.max(dim=-1)
        return {"label": self.model.config.id2label[int(index)], "score": float(score)}


if __name__ == "__main__":
    server = litserve.LitServer(
        Classifier(max_batch_size=BATCH, batch_timeout=BATCH_TIMEOUT_S),
        accelerator="auto",
        healthcheck_path="/readyz",
        timeout=False,
    )
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
