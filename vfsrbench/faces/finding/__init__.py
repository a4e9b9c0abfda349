"""What finds the face's five points, and which of the finders is taken."""
