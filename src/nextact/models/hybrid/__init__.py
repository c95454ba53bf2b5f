"""Several models joined into one."""
