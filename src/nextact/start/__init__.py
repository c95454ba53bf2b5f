"""From one's own tables to an environment: look at files, guess what columns are, try it, write it down."""
