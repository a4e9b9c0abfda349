"""The card of FLAIR's space-time variant; its code is `baselines.flair.space_time`."""
