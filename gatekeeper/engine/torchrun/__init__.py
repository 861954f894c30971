"""One replica over the processes that torchrun started. Experimental."""
