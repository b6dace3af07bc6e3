"""Write the starter's model card."""

from pathlib import Path

from training.reporting.markdown import class_table, confusion_table
from training.starter.hyperparameters import StarterHyperparameters
from training.starter.report import StarterReport

FILE = "README.md"

_CARD = """\
---
license: apache-2.0
language: en
pipeline_tag: text-classification
library_name: transformers
datasets:
- cardiffnlp/tweet_eval
metrics:
- accuracy
- recall
- f1
model-index:
- name: starter
  results:
  - task:
      type: text-classification
      name: sentiment of tweets
    dataset:
      type: cardiffnlp/tweet_eval
      name: tweet_eval
      config: sentiment
      split: {split}
    metrics:
    - type: accuracy
      value: {accuracy:.4f}
    - type: recall
      name: macro-averaged recall
      value: {macro_recall:.4f}
    - type: f1
      name: macro-averaged F1
      value: {macro_f1:.4f}
---

# Starter: a small sentiment classifier for English tweets

Classifies an English tweet as negative, neutral or positive. It is small enough for a repository,
so that a first run, tests and machines without the Hugging Face Hub have a real model to serve.
Large models are much better: if you can, serve
`cardiffnlp/twitter-roberta-base-sentiment-latest` or what you fine-tuned from it.

## What it is

A RoBERTa encoder of {layers} layers and {hidden_size} units ({heads} heads) with a vocabulary
of {vocabulary_size} lower-cased byte-level BPE tokens, trained from scratch: no weights, word
lists or texts other than the train split were used. It reads up to {max_length} tokens and
cuts off the rest. Before that, `inference/normalization.py` decodes HTML entities and escapes
(`&amp;`, `\\u2019`), turns white space of any kind into one blank, user names into `@user` and
links into `http`, and has control tokens that people type (`</s>`, `[MASK]`) read as text;
`docs/texts.md` has the effect of each step.

| file | content |
|---|---|
| `model.safetensors` | the weights in float16, for `transformers` |
| `openvino_model.xml`, `openvino_model.bin` | the same in int8, for OpenVINO: what is served |
| `config.json`, `tokenizer.json`, `tokenizer_config.json` | its configuration and tokenizer |
| `metadata.json` | the metrics and origin on this page, for programs |

## Training data

The train split ({train_size} tweets) of `{dataset}`, configuration `sentiment`: English tweets
of SemEval-2017 task 4 from 2013 to 2016, labelled by people. SHA-256 of its rows together with
the evaluation rows: `{fingerprint}`.

## Training

1. Train the tokenizer on the train texts.
2. Pretrain the encoder for {pretraining.epochs:g} epochs by masked language modelling
   ({masked_share:.0%} of the tokens) on the same texts, without labels.
3. Predict each text by a linear model of TF-IDF word and character n-grams, trained on the other
   {other_folds} of {teacher_folds} folds; the target of a text is {label_share:.0%} its
   label and {teacher_share:.0%} those probabilities.
4. Fine-tune for {finetuning.epochs:g} epochs with dropout {dropout:g}, masking
   {dropped_share:.0%} of the tokens in each epoch.
5. Subtract {balance:.0%} of the logarithm of the classes' shares in train from the last bias
   (logit adjustment), which helps the rarer classes.
6. Round to float16, export, and quantize to int8 with {calibration_size} train texts.

Hyperparameters were tuned on 3,000 tweets held out of train; the metrics below were measured
once, afterwards.

## Metrics

On the {rows} rows of {split}. {reason}.

| | accuracy | macro recall | macro F1 |
|---|---|---|---|
| int8, as served | {accuracy:.4f} | {macro_recall:.4f} | {macro_f1:.4f} |
| fp32 | {fp32_accuracy:.4f} | {fp32_macro_recall:.4f} | {fp32_macro_f1:.4f} |

By class, as served:

{classes}

Rows are the true class, columns the predicted one:

{confusion}

## Limits

* Short English posts only. It knows the words of tweets from 2013 to 2016, and little of
  irony, negation over a distance, or names and events since then.
* Labels reflect the views of the people who made them, and tweets contain prejudice: do not base
  decisions about people on it.
* Its scores are adjusted towards equal shares of the three classes (step 5), so they are not
  calibrated for tweets like the train split.
* int8 scores vary a little with the texts that share a batch, and between processors; the tests
  allow 0.005. Labels do not depend on the processor: every start checks that on twenty texts.
* The weights were trained before texts were decoded (`docs/texts.md`): train holds hardly any
  entities and escapes, and the metrics above are of decoded texts.

## Reproduce it

    DATASET=cardiffnlp/tweet_eval SEED={seed} python -m training.starter

takes about {minutes} minutes on one core of an Intel Xeon at 2.3 GHz and up to 6 GB of memory.
With the same data, seed, number of threads ({threads}), library versions and kind of processor
(for the committed files: x86-64 with AVX-512) expect weights that differ in their last bits at
most; elsewhere expect metrics that differ in the third digit. Editions of the data differ too (the
train split on the Hub has 45,615 tweets): compare the SHA-256 above. `--export-only` trains
nothing: it exports the weights again, and evaluates them.
"""

MINUTES = 50
"""Measured with the default hyperparameters and other work on the machine's second core."""


def write_card(
    report: StarterReport, hyperparameters: StarterHyperparameters, folder: Path
) -> None:
    """Write the model card into the model's folder."""
    (folder / FILE).write_text(render(report, hyperparameters), encoding="utf-8")


def render(report: StarterReport, hyperparameters: StarterHyperparameters) -> str:
    """Return the model card: Markdown with YAML metadata."""
    choices = vars(hyperparameters) | {"train_size": report.train_size}
    return _CARD.format(
        **choices,
        accuracy=report.int8.accuracy,
        macro_recall=report.int8.macro_recall,
        macro_f1=report.int8.macro_f1,
        fp32_accuracy=report.fp32.accuracy,
        fp32_macro_recall=report.fp32.macro_recall,
        fp32_macro_f1=report.fp32.macro_f1,
        dataset=report.dataset,
        fingerprint=report.dataset_fingerprint,
        split=report.evaluation_split,
        rows=report.int8.rows,
        reason=report.precision_reason(),
        seed=report.seed,
        other_folds=hyperparameters.teacher_folds - 1,
        label_share=1 - hyperparameters.teacher_share,
        classes=class_table(report.int8),
        confusion=confusion_table(report.int8),
        minutes=MINUTES,
    )
