"""Recipes and operators: a clean clip in, a degraded clip out, bit-identical on every machine."""
