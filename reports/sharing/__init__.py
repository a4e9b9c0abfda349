"""Results that travel: bundles are written, checked, and their clips scored or restored again."""
