"""Read from and publish to the Hugging Face Hub."""
