"""Expected error: what the dense network gets wrong if its probabilities are true."""

from htl_monai.ranking.of_dense import OfDense


class ExpectedError(OfDense):
    """Rank by the error that the probabilities imply."""

    name = "expected_error"
    meaning = "The error that the dense network's own probabilities lead one to expect."
    needs = "It needs the dense network's probabilities, and no labels."
    variables = ("expected_error",)
