"""DicFace: video face restoration whose codes are mixtures, weighed by Dirichlet distributions."""
