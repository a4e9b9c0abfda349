"""Reading and writing beside the network: the next window is read and the last one written while it works."""
