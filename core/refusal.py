class Refusal(Exception):
    """A message for the user: why the action was refused. Nothing was written."""
