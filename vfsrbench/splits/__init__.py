"""Degraded clips: made, exported with a manifest, compared with one."""
