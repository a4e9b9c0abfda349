"""Feature networks of the metrics: built without weights, in the layouts of the official files."""
