"""Recipes: what a run does to its inputs, and the built-in ones."""
