class Refusal(Exception):
    """A sentence for the person who asked, saying why nothing was done. Nothing was written."""
