"""Where a run's tasks are done: in this process, or in one process a GPU. `plugins.get_engine` finds one."""
