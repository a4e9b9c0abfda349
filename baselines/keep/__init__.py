"""KEEP: face video super-resolution with a Kalman filter in the latent space of CodeFormer."""
