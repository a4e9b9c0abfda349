"""Columns that newer papers print beside the older ones, one file a paper's metric."""
