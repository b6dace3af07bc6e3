"""How far scores may move with the texts that share a forward pass."""

# By 0.0012 at most where the starter model read 2,000 real tweets in batches of 64 and one by
# one; four times that is allowed, since other processors round otherwise.
INT8_BOUND = 0.005
FP32_BOUND = 0.001
