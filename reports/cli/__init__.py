"""The verbs `report` and `compare`."""
