"""The core that every other room stands on: settings, models, lifecycles, actions, events, stores, security."""

__version__ = "0.7.0"
