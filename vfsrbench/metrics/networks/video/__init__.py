"""Networks over space and time: the two branches of DOVER."""
