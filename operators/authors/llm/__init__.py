"""Language models as authors: the agents of both stages, what they are told, and what of their replies is taken."""
