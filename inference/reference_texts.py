"""Short texts whose probabilities are stored with every model, and checked at every start.

They are written for this project: all three labels, mentions, links, emoji, other alphabets, and
words that the vocabulary splits into many tokens. Together they fit into one forward pass.
"""

REFERENCE_TEXTS = (
    "Beautiful post!!!",
    "Lost my keys. Again.",
    "The train leaves at 9:40 from platform 2",
    "I love this so much 😍",
    "worst service ever, never coming back",
    "@someone did you see the match?",
    "new blog post https://example.com/post",
    "not bad at all, honestly",
    "ugh, Monday",
    "Thank you to the night crew, you are stars ⭐",
    "The meeting was moved to Thursday",
    "this is NOT what I paid for 😡",
    "happy birthday grandma!",
    "they cancelled it without a word",
    "Rain in the north, sun in the south",
    "can't wait for tomorrow :)",
    "so tired of waiting in line",
    "C'est la vie, señor",
    "Antidisestablishmentarianism trending?",
    "meh",
)
