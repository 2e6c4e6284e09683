"""What a network sees: in a picture (``backward``), and of its own (``growth``, ``objectives``)."""
