"""What Scorehouse does, from files to files: the verbs behind the command line and the library."""
