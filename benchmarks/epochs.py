"""An epoch of fine-tuning, ours and the plain way's, in turn."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from benchmarks.plain_training import BATCH, train_plainly
from benchmarks.settings import Lessons
from benchmarks.stats import Spread, table
from training.finetuning.fine_tune import fine_tune
from training.finetuning.hyperparameters import Hyperparameters

EPOCH = Hyperparameters(epochs=1)
CLASSES = 3


@dataclass(frozen=True, slots=True)
class Epochs:
    """How many tweets each way learns from per second, and the ratios (ours / plain) of rounds."""

    plain_tweets_per_s: Spread
    our_tweets_per_s: Spread
    ratio: Spread

    @classmethod
    def of(cls, rounds: Sequence[tuple[float, float]]) -> "Epochs":
        """Compare rounds of tweets per second, each of the plain way and of ours."""
        return cls(
            Spread.of([plain for plain, _ in rounds]),
            Spread.of([ours for _, ours in rounds]),
            Spread.of([ours / plain for plain, ours in rounds]),
        )

    def show(self) -> str:
        """Return a table."""
        return table(
            [
                ["training", "tweets/s"],
                ["plain", self.plain_tweets_per_s.show(2)],
                ["ours", self.our_tweets_per_s.show(2)],
                ["ours / plain", self.ratio.show(2)],
            ]
        )


def compare_epochs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    lessons: Lessons,
) -> Epochs:
    """Train copies of the model in both ways, round by round.

    Ours trains a whole epoch, from texts to weights whose digest is taken. All steps of the
    plain way are of one shape, so that some of them tell how long all would take; what it
    needs before and after them is not held against it.
    """
    texts = list(islice(cycle(texts), lessons.tweets))
    labels = [number % CLASSES for number in range(len(texts))]
    part = BATCH * (1 + lessons.plain_steps)

    def measure(is_ours: bool, number: int) -> float:
        learner = copy.deepcopy(model)
        if is_ours:
            run = fine_tune(learner, tokenizer, texts, labels, EPOCH, number)
            return len(texts) / run.duration_s
        few = (texts[:part], labels[:part])
        return BATCH / train_plainly(learner, tokenizer, *few, recipe=EPOCH, seed=number)

    rounds = []
    for number in range(1, lessons.rounds + 1):
        tweets_per_s = {}
        for is_ours in (False, True) if number % 2 else (True, False):  # drift hits both alike
            tweets_per_s[is_ours] = measure(is_ours, number)
            print(
                f"round {number}/{lessons.rounds}  {'ours ' if is_ours else 'plain'}"
                f"  {tweets_per_s[is_ours]:6.2f} tweets/s",
                flush=True,
            )
        rounds.append((tweets_per_s[False], tweets_per_s[True]))
    return Epochs.of(rounds)
