"""Deployment files: the shape of the chart's values, checked all at once and with lines."""
