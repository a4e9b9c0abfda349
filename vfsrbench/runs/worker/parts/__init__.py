"""What several tasks of one clip hand each other."""
