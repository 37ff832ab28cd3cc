"""Callbacks for frameworks. A framework is imported when a class that needs it is asked for, not before.

Inside of a run of the platform a callback without ``experiment`` reports to that run; elsewhere it does nothing.
"""
