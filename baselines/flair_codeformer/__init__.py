"""The card of FLAIR + CodeFormer; its code is `baselines.flair`."""
