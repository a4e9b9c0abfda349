"""What benchmarks/gpu.py measures, one subject a module. Each gives (name, facts) at once."""
