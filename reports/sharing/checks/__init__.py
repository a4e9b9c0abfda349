"""What is looked at in a bundle, one subject a file."""
