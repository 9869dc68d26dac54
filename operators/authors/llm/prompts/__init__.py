"""What agents are told: templates, and the sections that are made of a brief. No section is longer than its budget."""
