"""What reports keep from one to the next: what was found out about files, and statistics."""
