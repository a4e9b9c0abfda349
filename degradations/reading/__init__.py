"""Reading what users give: text, TOML, limits, names."""
