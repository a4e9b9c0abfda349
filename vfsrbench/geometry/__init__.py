"""Whether a restored clip lies where, when and in the colours in which its ground truth lies."""
