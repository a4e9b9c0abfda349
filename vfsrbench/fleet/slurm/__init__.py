"""`--engine slurm`: the workers of a plan are tasks of a Slurm array, which the run submits and follows."""
