"""The formulas of the metrics in plain numpy."""
