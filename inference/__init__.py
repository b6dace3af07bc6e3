"""From tweets to class probabilities; needs neither torch nor transformers."""
