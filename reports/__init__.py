"""Results in, tables, curves, pictures and pages out."""
