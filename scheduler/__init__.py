"""Short passes that look at one run's rows and do its next step, and the back-ends that execute runs."""
