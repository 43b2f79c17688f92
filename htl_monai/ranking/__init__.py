"""Rankings: scores in, one number a sample out, higher = harder. One file each, found by itself."""
