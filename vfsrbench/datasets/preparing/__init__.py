"""What is done to clips before anything is degraded or scored."""
