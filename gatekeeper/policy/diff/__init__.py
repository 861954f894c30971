"""Which of two policies is stricter: proved, or shown by evidence that only one of them passes."""
