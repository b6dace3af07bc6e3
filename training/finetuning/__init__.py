"""How a model learns: a recipe, transformers' Trainer, and one process or several."""
