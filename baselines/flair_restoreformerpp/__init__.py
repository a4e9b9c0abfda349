"""The card of FLAIR + RestoreFormer++; its code is `baselines.flair`."""
