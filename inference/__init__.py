"""From tweets to class probabilities, without torch and transformers."""

from patches.usage_tracking import disable_usage_tracking

disable_usage_tracking()  # at import, because importing OpenVINO already sends a message
