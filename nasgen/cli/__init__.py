"""The command line: what a user types, and what each option says of itself."""
