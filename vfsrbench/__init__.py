"""vfsrbench: the harness of the reference benchmark for video face super-resolution."""

__version__ = "0.1.0"
