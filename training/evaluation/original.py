"""Let a model judge tweets as people run it who take it from the Hub: by transformers."""

from typing import Any

import numpy as np
from transformers import TextClassificationPipeline

from inference.model_folder import longest_input
from inference.normalization import normalize
from training.data.dataset import Tweets
from training.evaluation.prediction import Predictions
from training.finetuning.pretrained import LoadedModel


def score_original(base: LoadedModel, tweets: Tweets) -> Predictions:
    """Classify every tweet by transformers' pipeline in float32, as the model card shows it.

    One at a time and on the processor, so that the figures hold wherever they are repeated.
    """
    limits = {"model_max_length": base.tokenizer.model_max_length}
    classify = TextClassificationPipeline(
        model=base.model,
        tokenizer=base.tokenizer,
        device="cpu",
        top_k=None,
        truncation=True,
        max_length=longest_input(base.model.config.to_dict(), limits),
    )
    names: Any = base.model.config.id2label
    columns = [names[number] for number in base.class_ids]
    rows = []
    for text in tweets.texts:
        scored: Any = classify([normalize(text)])[0]
        found = {one["label"]: one["score"] for one in scored}
        rows.append([found[name] for name in columns])
    return Predictions(tweets.labels, np.array(rows))
