"""Predictors that several methods share."""
