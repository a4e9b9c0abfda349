"""The methods: one folder each (card, adapter, network), shared layers in `baselines.layers`."""
