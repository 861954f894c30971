"""How far the selection and the intervals can be trusted, by simulation and on references."""
