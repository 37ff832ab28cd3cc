"""The embedded server: API, worker and periodic passes in one process, for a laptop."""
