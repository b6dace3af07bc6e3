"""Fine-tune the starter, alone or in several processes."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from inference.starter import STARTER_FOLDER
from training.finetuning.distributed import is_main_process, process_rank
from training.finetuning.fine_tune import fine_tune
from training.finetuning.hyperparameters import Hyperparameters

MOODS = ("good", "bad")
TEXTS = [f"{mood} day, {number} times over" for number in range(32) for mood in MOODS]
LABELS = [2, 0] * 32
HYPERPARAMETERS = Hyperparameters(epochs=2, learning_rate=3e-4, batch_size=16)


def run(path: Path) -> None:
    """Write the result, and whether this is the main process, to a JSON file.

    Dropout is off, since its random numbers would differ between processes.
    """
    model = AutoModelForSequenceClassification.from_pretrained(
        STARTER_FOLDER, dtype=torch.float32, hidden_dropout_prob=0.0
    )
    tokenizer = AutoTokenizer.from_pretrained(STARTER_FOLDER)
    trained = fine_tune(model, tokenizer, TEXTS, LABELS, HYPERPARAMETERS, seed=1)
    with torch.no_grad():
        logits = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
    result = asdict(trained) | {"is_main": is_main_process(), "logits": logits.tolist()}
    path.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    run(Path(sys.argv[1], f"{process_rank()}.json"))
