"""Verbs of workers that share a workspace."""
