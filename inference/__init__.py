"""From tweets to class probabilities; needs neither torch nor transformers."""

from inference import usage_tracking

usage_tracking.switch_off()  # here, since OpenVINO sends its first message while it is imported
