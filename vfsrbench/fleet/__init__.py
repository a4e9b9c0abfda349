"""Workers that share a workspace: a plan in files, units taken by leases, no central process."""
