"""What other systems would say of the same file, word for word."""
