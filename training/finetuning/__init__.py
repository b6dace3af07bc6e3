"""Fine-tune a pretrained classifier with transformers' Trainer, in one process or several."""
