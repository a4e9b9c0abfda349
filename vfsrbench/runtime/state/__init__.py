"""What torch holds for the whole process: its settings, and a GPU that has become unusable."""
