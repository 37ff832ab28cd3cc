"""What runs beside a run in its pod: the standard library only, so that the image is small and starts at once."""
