"""Networks through torch.compile."""
