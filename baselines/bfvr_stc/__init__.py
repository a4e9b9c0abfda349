"""BFVR-STC: face video restoration with a spatial and a temporal codebook over 3-D features."""
