"""Images: what they are made of, and what makes them."""
