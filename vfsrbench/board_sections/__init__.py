"""Sections of a board's file that say what is shown, and how."""
