"""The ground truth itself."""
