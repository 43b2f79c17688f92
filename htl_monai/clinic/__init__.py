"""From a trained network to results in the clinic: reading pictures of any format, predicting, drawing, writing."""
