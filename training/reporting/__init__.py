"""What people read of a training run: pictures, a model card, a summary."""
