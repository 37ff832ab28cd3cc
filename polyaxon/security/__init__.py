"""Who may do what: tokens and querysets limited to what a user may see or change."""
