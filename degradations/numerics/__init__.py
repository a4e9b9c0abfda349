"""Random draws and arithmetic with the same bits everywhere."""
