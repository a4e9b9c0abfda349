"""The form of bundles: results of a board in one zip file that others can read and check."""
