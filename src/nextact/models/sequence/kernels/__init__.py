"""Attention and dropout written for speed; each equal to the plain form."""
