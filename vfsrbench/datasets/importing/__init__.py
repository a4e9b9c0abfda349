"""Outputs of other tools: what a tool did to clips undone where that is exact, and how they were made."""
