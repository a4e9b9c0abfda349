"""A plan as files of a workspace: units, leases on them, which is taken next, how far it is."""
