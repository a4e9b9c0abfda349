"""`vfsrbench weights`: checkpoints listed, fetched, found, checked."""
