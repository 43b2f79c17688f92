"""Find the images that a medical model never really learned, by pruning it."""
