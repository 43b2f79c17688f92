"""The pictures of a report: thumbnails of all cases, and the hardest with what each network outlines in them."""
