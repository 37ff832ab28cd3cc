"""The few pages that the server makes itself: signing in and out, passwords, new accounts."""
