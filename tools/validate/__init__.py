"""How far selection, intervals and verdicts can be trusted, by simulation and on references."""
