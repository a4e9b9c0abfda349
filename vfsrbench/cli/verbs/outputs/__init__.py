"""Verbs for restored clips that another tool made."""
