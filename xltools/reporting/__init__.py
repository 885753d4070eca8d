"""Reporting: results as text for a clerk, as JSON and csv for programs.  Decides nothing."""
