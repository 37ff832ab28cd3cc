"""Runs as processes of this machine, each under a small supervisor that outlives the server.

Nothing is imported here: the supervisor passes through on its way up and must start fast.
"""
