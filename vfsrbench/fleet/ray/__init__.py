"""`--engine ray`: the workers of a plan are actors of a Ray cluster, which the run starts and replaces."""
