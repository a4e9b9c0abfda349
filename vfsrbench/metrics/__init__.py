"""The metrics: one file a family; their facts stand in `cards/*.toml`."""
