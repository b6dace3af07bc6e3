"""How far scores may move with the texts that share a forward pass, and between machines."""

from inference.reference_predictions import SCORE_BOUNDS

# By 0.0012 at most where the starter model read 2,000 real tweets in batches of 64 and one by one,
# and by 0.0015 between AVX-512 with VNNI and AVX2 alone.
INT8_BOUND = SCORE_BOUNDS["int8"]
FP32_BOUND = SCORE_BOUNDS["fp32"]
