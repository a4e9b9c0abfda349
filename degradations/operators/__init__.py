"""The operators that recipes are made of, one file a family."""
