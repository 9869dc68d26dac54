"""Authors write the code that operators ask for."""
