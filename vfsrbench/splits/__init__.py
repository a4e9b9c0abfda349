"""Degraded clips: made, exported with a manifest, held against one."""
