"""Checkpoints that are on this machine already: where other tools keep them, and which fit."""
