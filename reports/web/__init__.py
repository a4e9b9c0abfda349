"""The site: a board's report as pages to look around in, offline, straight from the file system."""
