"""Where jobs run: in this process, or in one process a device."""
