"""Everything between the training flow and the Hugging Face Hub."""
