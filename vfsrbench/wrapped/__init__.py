"""Methods that are a command line of their own: frames in, frames out through a folder."""
