"""Builds models from the log and judges them; never serves a page."""
