"""SECNet: self-enhanced convolutional network for facial video hallucination (Fang et al., 2019)."""
