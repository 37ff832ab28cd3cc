"""What is measured while runs go on."""
