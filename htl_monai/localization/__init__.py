"""Where in a picture the model looks or what it outlines: masks to boxes."""
