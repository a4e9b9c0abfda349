"""The functions of the public API; `vfsrbench` offers them under its own name."""
