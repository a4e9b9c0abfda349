"""How methods and metrics are run: generators, memory, arithmetic."""
