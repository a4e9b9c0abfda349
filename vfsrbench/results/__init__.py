"""Results on disk: what a record says, and the file of a job."""
