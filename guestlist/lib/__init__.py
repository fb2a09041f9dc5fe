"""Floor 1: tools that know none of our nouns."""
